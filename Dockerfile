# One image for every component; the first argument says which. The stage "controlplane" is the API server of
# compose.yaml: docker build --target controlplane.
ARG GO_VERSION=1.26
# What the binary runs on. It needs nothing but certificates, which are copied;
# give a distroless "static" image instead if your scanner wants a distribution.
ARG BASE=scratch

FROM --platform=$BUILDPLATFORM golang:${GO_VERSION} AS build
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=devel
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} \
    go build -trimpath -ldflags "-s -w -X main.release=${VERSION}" -o /orderplane ./cmd/orderplane

FROM --platform=$BUILDPLATFORM golang:${GO_VERSION} AS build-controlplane
ARG TARGETOS
ARG TARGETARCH
WORKDIR /src
COPY hack/controlplane hack/controlplane
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    GOOS=${TARGETOS} GOARCH=${TARGETARCH} ORDERPLANE_CACHE=/cache ORDERPLANE_CONTROLPLANE=build hack/controlplane/ensure.sh && \
    mkdir -p /data && cp /cache/kubernetes-*/etcd /cache/kubernetes-*/kube-apiserver /

FROM scratch AS controlplane
COPY --from=build-controlplane /etcd /kube-apiserver /
# Its owner is that of a new volume in its place.
COPY --from=build-controlplane --chown=65532:65532 /data /var/lib/etcd
COPY --from=build /orderplane /orderplane
USER 65532:65532

FROM ${BASE}
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /orderplane /orderplane
USER 65532:65532
ENTRYPOINT ["/orderplane"]
