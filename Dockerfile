# One image for every component; the first argument says which.
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

FROM ${BASE}
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /orderplane /orderplane
USER 65532:65532
ENTRYPOINT ["/orderplane"]
