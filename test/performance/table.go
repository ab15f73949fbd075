package performance

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// Print writes the report for people.
func (r *Report) Print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', tabwriter.AlignRight)
	m, s := r.Machine, r.Setup
	fsync := "off"
	if s.EtcdFsync {
		fsync = "on"
	}
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	p("%s, %d cores, %d MB, kernel %s, %s; load before the run %s\n", m.CPU, m.Cores, m.MemoryMB, m.Kernel, m.Go, m.LoadAverage)
	p("%s, %s, etcd's fsync %s; Orderplane %s\n", m.KubeAPIServer, m.Etcd, fsync, orUnknown(m.Orderplane))
	p("%s. Admission: %s.\n", s.Users, s.Admission)
	if s.Untracked {
		p("With config/untracked.\n")
	}
	p("%d products, %d orders in flight, %d rounds of %s after %s of ramp; plan %s, %.0f s in all\n",
		s.Products, s.InFlight, s.Rounds, s.Window, s.Ramp, r.Plan, r.Seconds)
	for _, g := range r.Groups {
		g.print(p)
	}
	if len(r.Open) > 0 {
		printOpen(p, r.Open)
	}
	if len(r.Growth) > 0 {
		printGrowth(p, r.Growth)
	}
	if len(r.Builds) > 0 {
		printBuilds(p, r.Builds)
	}
	if r.Absence != nil {
		printAbsence(p, r.Absence)
	}
	if len(r.Peak) > 0 {
		p("\npeak memory:")
		for _, name := range slices.Sorted(maps.Keys(r.Peak)) {
			p(" %s %d MB", name, r.Peak[name]/1024)
		}
		p("\n")
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the report: %w", err)
	}
	return nil
}

// printOpen shows each contender's saturation, and its latencies and the raw writer's below it.
func printOpen(p func(string, ...any), results []OpenResult) {
	p("\nopen model\tsaturation\t(closed)\tat\tdecided/s\tcreate p50\tp99\tdecided p50\tp99 ms\t(all)\twrites/order\tCPU s/1000\t\n")
	for _, o := range results {
		if o.Saturation > 0 {
			p("%s %s\t%.1f\t%.1f", o.Mode, o.Workload, o.Saturation, o.Closed.PerSecond)
		} else {
			p("%s %s\t-\t-", o.Mode, o.Workload)
		}
		printLatencies(p, o.Median, o.Rounds)
		if len(o.Raw) > 0 {
			p("raw, at this rate\t\t")
			printLatencies(p, o.RawMedian, o.Raw)
		}
	}
	for _, o := range results {
		printLags(p, o.Rounds)
	}
	p("* the API server compared its cache of one of our kinds with etcd meanwhile\n")
}

func printLatencies(p func(string, ...any), r Measurement, all []Measurement) {
	tails := make([]string, 0, len(all))
	for _, each := range all {
		tails = append(tails, fmt.Sprintf("%.0f%s", each.Decided.P99, strings.Repeat("*", each.CacheChecks)))
	}
	p("\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%s\t%.3f\t%.1f\t\n", r.Rate, r.PerSecond,
		r.Create.P50, r.Create.P99, r.Decided.P50, r.Decided.P99, strings.Join(tails, " "), r.WritesPerOrder, r.CPUTotal)
}

// print shows a group: what it did, then what it cost.
func (g Result) print(p func(string, ...any)) {
	p("\n%s\torders/s\t(lowest\thighest)\tto raw\tcreate p50\tp99\tto api\tdecided p50\tp99 ms\twrites/order\t\n", g.Group)
	for _, c := range g.Contenders {
		toAPI := "-"
		if c.CreateToAPI != 0 {
			toAPI = fmt.Sprintf("%.3f", c.CreateToAPI)
		}
		p("%s %s\t%.1f\t%.1f\t%.1f\t%.3f\t%.2f\t%.2f\t%s\t%.1f\t%.1f\t%.3f\t\n", c.Mode, c.Workload,
			c.PerSecond, c.Lowest, c.Highest, c.ToRaw, c.Create.P50, c.Create.P99, toAPI, c.Decided.P50, c.Decided.P99, c.WritesPerOrder)
	}
	if g.HotToUniform != 0 {
		p("hot to uniform\t%.3f\t\n", g.HotToUniform)
	}
	processes := []string{"kube-apiserver", "etcd", "manager", "gateway", "bench"}
	if _, mirrored := g.Contenders[0].CPU["mirror"]; mirrored {
		processes = append(processes, "mirror", postgresProcess, "kafka", "redis")
	}
	p("\nCPU s/1000 orders\t%s\tall but bench\tto raw\tcores busy\tby others\t\n", strings.Join(processes, "\t"))
	for _, c := range g.Contenders {
		p("%s %s\t", c.Mode, c.Workload)
		for _, name := range processes {
			p("%.2f\t", c.CPU[name])
		}
		p("%.2f\t%.3f\t%.2f\t%.2f\t\n", c.CPUTotal, c.CPUToRaw, c.Cores, c.ForeignCores)
	}
	for n := range g.Contenders {
		var all []Measurement
		for _, round := range g.Rounds {
			all = append(all, round[n])
		}
		printLags(p, all)
	}
	p("\nwrites an order, by kind\t\n")
	for _, c := range g.Contenders {
		var kinds []string
		for _, kind := range slices.Sorted(maps.Keys(c.Writes)) {
			if c.Writes[kind] >= 0.001 {
				kinds = append(kinds, fmt.Sprintf("%.3f %s", c.Writes[kind], strings.ReplaceAll(kind, ".orderplane.dev", "")))
			}
		}
		p("%s %s: %s\n", c.Mode, c.Workload, strings.Join(kinds, ", "))
	}
}

func orUnknown(s string) string {
	if s == "" {
		return "(revision unknown)"
	}
	return s
}
