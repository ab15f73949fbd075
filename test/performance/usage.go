package performance

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// userHZ is the unit of CPU times under /proc: fixed by Linux' ABI.
const userHZ = 100

// cpuTime is what a process has used of the CPU so far.
func cpuTime(pid int) (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("CPU time of process %d: %w", pid, err)
	}
	return parseCPUTime(data)
}

// parseCPUTime reads utime and stime, the 14th and 15th field. The second is a
// name in brackets that may hold anything.
func parseCPUTime(stat []byte) (time.Duration, error) {
	end := bytes.LastIndexByte(stat, ')')
	fields := strings.Fields(string(stat[end+1:]))
	if end < 0 || len(fields) < 13 {
		return 0, fmt.Errorf("CPU time: %q is no line of /proc/<pid>/stat", stat)
	}
	return sumOf(fields[11:13])
}

// sumOf adds up numbers of ticks.
func sumOf(fields []string) (time.Duration, error) {
	var ticks int64
	for _, f := range fields {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("CPU time: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / userHZ, nil
}

// postgresProcess is the one service that is many processes: one for each connection.
const postgresProcess = "postgres"

// familyTime is what a process, its children that live and those that have ended have used of the
// CPU so far.
func familyTime(pid int) (time.Duration, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, fmt.Errorf("CPU time of a family: %w", err)
	}
	var all time.Duration
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		t, err := familyShare(stat, pid)
		if err != nil {
			return 0, err
		}
		all += t
	}
	return all, nil
}

// familyShare is what a line of /proc/<pid>/stat adds to a family: a child's own time, or the
// parent's with that of the children that have ended, its 16th and 17th field.
func familyShare(stat []byte, parent int) (time.Duration, error) {
	end := bytes.LastIndexByte(stat, ')')
	fields := strings.Fields(string(stat[end+1:]))
	if end < 0 || len(fields) < 15 {
		return 0, fmt.Errorf("CPU time of a family: %q is no line of /proc/<pid>/stat", stat)
	}
	own, _, _ := strings.Cut(string(stat), " ")
	switch strconv.Itoa(parent) {
	case own:
		return sumOf(fields[11:15])
	case fields[1]:
		return sumOf(fields[11:13])
	default:
		return 0, nil
	}
}

// machineTime is what all processes of the machine have used of its CPUs so far.
func machineTime() (time.Duration, error) {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("CPU time of the machine: %w", err)
	}
	return parseMachineTime(data)
}

// parseMachineTime adds up the first line of /proc/stat, but for idle and iowait,
// its 4th and 5th number, and guests, its last two, which are in others already.
func parseMachineTime(stat []byte) (time.Duration, error) {
	line, _, _ := strings.Cut(string(stat), "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, fmt.Errorf("CPU time of the machine: %q is no first line of /proc/stat", line)
	}
	var ticks int64
	for n, f := range fields[1:9] {
		v, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("CPU time of the machine: %w", err)
		}
		if n != 3 && n != 4 {
			ticks += v
		}
	}
	return time.Duration(ticks) * time.Second / userHZ, nil
}

// memory of a process in KiB, and the most it ever was.
type memory struct {
	RSS  int64 `json:"rssKiB"`
	Peak int64 `json:"peakKiB"`
}

func memoryOf(pid int) (memory, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return memory{}, fmt.Errorf("memory of process %d: %w", pid, err)
	}
	return memory{RSS: kibField(data, "VmRSS:"), Peak: kibField(data, "VmHWM:")}, nil
}

// kibField is the number of a line such as "VmRSS:  123 kB"; 0 when there is none.
func kibField(data []byte, name string) int64 {
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n
		}
	}
	return 0
}

// cpuTimes of several processes by name.
type cpuTimes map[string]time.Duration

func cpuTimesOf(pids map[string]int) (cpuTimes, error) {
	times := cpuTimes{}
	for name, pid := range pids {
		of := cpuTime
		if name == postgresProcess {
			of = familyTime
		}
		t, err := of(pid)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		times[name] = t
	}
	return times, nil
}

// since is what was used after before was taken.
func (c cpuTimes) since(before cpuTimes) cpuTimes {
	used := cpuTimes{}
	for name, t := range c {
		used[name] = t - before[name]
	}
	return used
}
