#include "os/cgroup_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace crisp {
namespace {

// v1 shows "no limit" as LONG_MAX rounded down to whole pages. No real limit is as large as this.
constexpr uint64_t kNoLimit = uint64_t{1} << 60;

// memory.stat has some 3 KiB. io.stat has a line per device; devices beyond the buffer are ignored.
constexpr size_t kBufferSize = 32 << 10;

std::optional<uint64_t> Number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

std::optional<uint64_t> Number(const std::optional<std::string_view>& text) {
  return text ? Number(*text) : std::nullopt;
}

// Calls `visit(line)` for each line, without its newline.
template <typename Visit>
void ForEachLine(std::string_view text, const Visit& visit) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    visit(line);
  }
}

// Cuts the first word off the line and returns it.
std::string_view TakeWord(std::string_view* line) {
  const size_t start = std::min(line->size(), line->find_first_not_of(' '));
  line->remove_prefix(start);
  const std::string_view word = line->substr(0, line->find(' '));
  line->remove_prefix(word.size());
  return word;
}

// The value in the line "key value" of a flat keyed file.
std::optional<uint64_t> Value(std::string_view text, std::string_view key) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.size(), text.find('\n', at));
    if (end - at > key.size() && text[at + key.size()] == ' ' && text.compare(at, key.size(), key) == 0) {
      return Number(text.substr(at + key.size() + 1, end - at - key.size() - 1));
    }
    at = end + 1;
  }
  return std::nullopt;
}

uint64_t ValueOrZero(std::string_view text, std::string_view key) {
  return Value(text, key).value_or(0);
}

std::optional<uint64_t> Scaled(std::optional<uint64_t> value, uint64_t factor) {
  if (value) *value *= factor;
  return value;
}

// "some avg10=0.00 avg60=0.00 avg300=0.00 total=0", and likewise "full".
void ParseShare(std::string_view line, CgroupPressure::Share* share) {
  for (std::string_view word = TakeWord(&line); !word.empty(); word = TakeWord(&line)) {
    const size_t equals = word.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view key = word.substr(0, equals);
    const std::string_view value = word.substr(equals + 1);
    if (key == "total") {
      share->total_micros = Number(value).value_or(0);
      continue;
    }
    double* const target = key == "avg10"    ? &share->avg10
                           : key == "avg60"  ? &share->avg60
                           : key == "avg300" ? &share->avg300
                                             : nullptr;
    if (target != nullptr) std::from_chars(value.data(), value.data() + value.size(), *target);
  }
}

std::optional<CgroupPressure> ParsePressure(const std::optional<std::string_view>& text) {
  if (!text || text->empty()) return std::nullopt;
  CgroupPressure pressure;
  ForEachLine(*text, [&](std::string_view line) {
    const std::string_view kind = TakeWord(&line);
    if (kind == "some") ParseShare(line, &pressure.some);
    if (kind == "full") ParseShare(line, &pressure.full);
  });
  return pressure;
}

// The entry for device "8:0", added if missing; null if `name` is no device (the line "Total 12").
CgroupDeviceIo* DeviceOf(std::string_view name, std::vector<CgroupDeviceIo>* io) {
  const size_t colon = name.find(':');
  if (colon == std::string_view::npos) return nullptr;
  const auto major = Number(name.substr(0, colon));
  const auto minor = Number(name.substr(colon + 1));
  if (!major || !minor) return nullptr;
  for (CgroupDeviceIo& one : *io) {
    if (one.major == *major && one.minor == *minor) return &one;
  }
  io->push_back({});
  io->back().major = static_cast<uint32_t>(*major);
  io->back().minor = static_cast<uint32_t>(*minor);
  return &io->back();
}

// Calls `visit(device, operation, value)` for each line, which is like "8:0 Read 4096".
template <typename Visit>
void ForEachOperation(const std::optional<std::string_view>& text, std::vector<CgroupDeviceIo>* io,
                      const Visit& visit) {
  if (!text) return;
  ForEachLine(*text, [&](std::string_view line) {
    CgroupDeviceIo* const device = DeviceOf(TakeWord(&line), io);
    if (device == nullptr) return;
    const std::string_view operation = TakeWord(&line);
    visit(device, operation, Number(TakeWord(&line)).value_or(0));
  });
}

// The lines of cgroup.procs. 0 is a process outside this pid namespace.
std::vector<pid_t> Pids(std::string_view text) {
  std::vector<pid_t> pids;
  ForEachLine(text, [&](std::string_view line) {
    const uint64_t pid = Number(line).value_or(0);
    if (pid > 0) pids.push_back(static_cast<pid_t>(pid));
  });
  return pids;
}

}  // namespace

std::optional<std::string_view> CgroupReader::File::Read() {
  if (path_.empty()) return std::nullopt;
  if (!fd_.valid()) {
    fd_.reset(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd_.valid()) {
      // The file will not appear later: a cgroup gets its files when it is created. (Other errors, such as a lack of
      // descriptors, may pass.)
      if (errno == ENOENT || errno == EOPNOTSUPP) path_.clear();
      return std::nullopt;
    }
  }
  // On the heap: what is in place in thread-local storage costs every thread of the process its size.
  thread_local std::vector<char> buffer(kBufferSize);
  size_t filled = 0;
  while (filled < buffer.size()) {
    const ssize_t n = pread(fd_.get(), buffer.data() + filled, buffer.size() - filled, static_cast<off_t>(filled));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    filled += static_cast<size_t>(n);
    // A short read is the whole file. One of nearly a page may have been cut at the end of a record.
    if (n < 3 * 1024) break;
  }
  return std::string_view(buffer.data(), filled);
}

CgroupReader::CgroupReader(const cgroup::Dirs& dirs) {
  const auto v2 = std::find_if(dirs.begin(), dirs.end(), [](const cgroup::Dir& dir) { return dir.v2; });
  const auto v1 = [&dirs](std::string_view controller) {
    return std::find_if(dirs.begin(), dirs.end(), [&](const cgroup::Dir& dir) { return dir.Has(controller); });
  };
  const auto in = [&dirs](cgroup::Dirs::const_iterator dir, const char* name) {
    return dir == dirs.end() ? File() : File(dir->path + "/" + name);
  };

  if (const auto cpuacct = v1("cpuacct"); cpuacct != dirs.end()) {
    cpu_usage_ = in(cpuacct, "cpuacct.usage");
    cpu_user_ = in(cpuacct, "cpuacct.usage_user");
    cpu_system_ = in(cpuacct, "cpuacct.usage_sys");
    cpu_stat_ = in(v1("cpu"), "cpu.stat");
  } else {
    cpu_v2_ = true;
    cpu_usage_ = in(v2, "cpu.stat");
    cpu_pressure_ = in(v2, "cpu.pressure");
  }

  if (const auto memory = v1("memory"); memory != dirs.end()) {
    memory_usage_ = in(memory, "memory.usage_in_bytes");
    memory_stat_ = in(memory, "memory.stat");
    memory_peak_ = in(memory, "memory.max_usage_in_bytes");
    memory_hits_ = in(memory, "memory.failcnt");
    kernel_memory_ = in(memory, "memory.kmem.usage_in_bytes");
    oom_control_ = in(memory, "memory.oom_control");
    processes_ = in(memory, "cgroup.procs");
  } else {
    memory_v2_ = true;
    memory_usage_ = in(v2, "memory.current");
    memory_stat_ = in(v2, "memory.stat");
    memory_limit_ = in(v2, "memory.max");
    swap_usage_ = in(v2, "memory.swap.current");
    swap_limit_ = in(v2, "memory.swap.max");
    memory_peak_ = in(v2, "memory.peak");
    memory_hits_ = in(v2, "memory.events");
    memory_pressure_ = in(v2, "memory.pressure");
    processes_ = in(v2, "cgroup.procs");
  }

  const auto pids = v1("pids") != dirs.end() ? v1("pids") : v2;
  tasks_ = in(pids, "pids.current");
  tasks_limit_ = in(pids, "pids.max");

  if (const auto blkio = v1("blkio"); blkio != dirs.end()) {
    io_bytes_ = in(blkio, "blkio.throttle.io_service_bytes_recursive");
    io_count_ = in(blkio, "blkio.throttle.io_serviced_recursive");
  } else {
    io_v2_ = true;
    io_bytes_ = in(v2, "io.stat");
    io_pressure_ = in(v2, "io.pressure");
  }
}

CgroupUsage CgroupReader::Read() {
  CgroupUsage usage;
  if (const auto text = cpu_usage_.Read()) {
    usage.cpu_nanos = cpu_v2_ ? Scaled(Value(*text, "usage_usec"), 1000) : Number(*text);
  }
  usage.memory = memory_v2_ ? ReadMemoryV2() : ReadMemoryV1();
  usage.tasks = Number(tasks_.Read());
  usage.cpu_pressure = ParsePressure(cpu_pressure_.Read());
  usage.memory_pressure = ParsePressure(memory_pressure_.Read());
  usage.io_pressure = ParsePressure(io_pressure_.Read());
  return usage;
}

// Fields that begin with "total_" or "hierarchical_" include descendants.
std::optional<CgroupMemory> CgroupReader::ReadMemoryV1() {
  const auto used = Number(memory_usage_.Read());
  const auto text = memory_stat_.Read();
  if (!used || !text) return std::nullopt;
  CgroupMemory memory;
  memory.usage = *used;
  memory.inactive_file = ValueOrZero(*text, "total_inactive_file");
  memory.active_file = ValueOrZero(*text, "total_active_file");
  memory.rss = ValueOrZero(*text, "total_rss");
  memory.file = ValueOrZero(*text, "total_cache");
  memory.mapped_file = ValueOrZero(*text, "total_mapped_file");
  memory.page_faults = ValueOrZero(*text, "total_pgfault");
  memory.major_page_faults = ValueOrZero(*text, "total_pgmajfault");
  const uint64_t limit = Value(*text, "hierarchical_memory_limit").value_or(kNoLimit);
  if (limit < kNoLimit) memory.limit = limit;
  // A limit on memory and swap together. Present only if the kernel accounts for swap.
  const auto both = Value(*text, "hierarchical_memsw_limit");
  if (!both) return memory;
  memory.swap = ValueOrZero(*text, "total_swap");
  if (memory.limit && *both < kNoLimit) memory.swap_limit = *both - std::min(*both, *memory.limit);
  return memory;
}

std::optional<CgroupMemory> CgroupReader::ReadMemoryV2() {
  const auto used = Number(memory_usage_.Read());
  if (!used) return std::nullopt;
  CgroupMemory memory;
  memory.usage = *used;
  memory.limit = Number(memory_limit_.Read());  // "max" gives no number
  memory.swap = Number(swap_usage_.Read());
  memory.swap_limit = Number(swap_limit_.Read());
  const auto text = memory_stat_.Read();
  if (!text) return std::nullopt;
  memory.inactive_file = ValueOrZero(*text, "inactive_file");
  memory.active_file = ValueOrZero(*text, "active_file");
  memory.rss = ValueOrZero(*text, "anon");
  memory.file = ValueOrZero(*text, "file");
  memory.mapped_file = ValueOrZero(*text, "file_mapped");
  memory.page_faults = ValueOrZero(*text, "pgfault");
  memory.major_page_faults = ValueOrZero(*text, "pgmajfault");
  return memory;
}

CgroupDetails CgroupReader::ReadDetails() {
  CgroupDetails details;
  if (cpu_v2_) {
    if (const auto text = cpu_usage_.Read()) {
      details.cpu_user_nanos = Scaled(Value(*text, "user_usec"), 1000);
      details.cpu_system_nanos = Scaled(Value(*text, "system_usec"), 1000);
      details.cpu_periods = Value(*text, "nr_periods");
      details.cpu_throttled_periods = Value(*text, "nr_throttled");
      details.cpu_throttled_nanos = Scaled(Value(*text, "throttled_usec"), 1000);
      details.cpu_bursts = Value(*text, "nr_bursts");
      details.cpu_burst_nanos = Scaled(Value(*text, "burst_usec"), 1000);
    }
  } else {
    details.cpu_user_nanos = Number(cpu_user_.Read());
    details.cpu_system_nanos = Number(cpu_system_.Read());
    if (const auto text = cpu_stat_.Read()) {
      details.cpu_periods = Value(*text, "nr_periods");
      details.cpu_throttled_periods = Value(*text, "nr_throttled");
      details.cpu_throttled_nanos = Value(*text, "throttled_time");
      details.cpu_bursts = Value(*text, "nr_bursts");
      details.cpu_burst_nanos = Value(*text, "burst_time");
    }
  }
  details.memory_peak = Number(memory_peak_.Read());
  if (memory_v2_) {
    if (const auto text = memory_hits_.Read()) {
      details.memory_limit_hits = Value(*text, "max");
      details.oom_kills = Value(*text, "oom_kill");
    }
    if (const auto text = memory_stat_.Read()) details.kernel_memory = Value(*text, "kernel");
  } else {
    details.memory_limit_hits = Number(memory_hits_.Read());
    details.kernel_memory = Number(kernel_memory_.Read());
    if (const auto text = oom_control_.Read()) details.oom_kills = Value(*text, "oom_kill");
  }
  details.tasks_limit = Number(tasks_limit_.Read());
  if (const auto text = processes_.Read()) {
    details.processes = static_cast<uint64_t>(std::count(text->begin(), text->end(), '\n'));
    details.pids = Pids(*text);
  }
  io_v2_ ? ReadIoV2(&details.io) : ReadIoV1(&details.io);
  return details;
}

void CgroupReader::ReadIoV1(std::vector<CgroupDeviceIo>* io) {
  ForEachOperation(io_bytes_.Read(), io, [](CgroupDeviceIo* device, std::string_view operation, uint64_t value) {
    device->bytes.emplace_back(operation, value);
    if (operation == "Read") device->read_bytes = value;
    if (operation == "Write") device->written_bytes = value;
  });
  ForEachOperation(io_count_.Read(), io, [](CgroupDeviceIo* device, std::string_view operation, uint64_t value) {
    if (operation == "Read") device->reads = value;
    if (operation == "Write") device->writes = value;
  });
}

// Each line is like "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0".
void CgroupReader::ReadIoV2(std::vector<CgroupDeviceIo>* io) {
  const auto text = io_bytes_.Read();
  if (!text) return;
  ForEachLine(*text, [&](std::string_view line) {
    CgroupDeviceIo* const device = DeviceOf(TakeWord(&line), io);
    if (device == nullptr) return;
    for (std::string_view word = TakeWord(&line); !word.empty(); word = TakeWord(&line)) {
      const size_t equals = word.find('=');
      if (equals == std::string_view::npos) continue;
      const std::string_view key = word.substr(0, equals);
      const uint64_t value = Number(word.substr(equals + 1)).value_or(0);
      if (key == "rbytes") device->read_bytes = value;
      if (key == "wbytes") device->written_bytes = value;
      if (key == "rios") device->reads = value;
      if (key == "wios") device->writes = value;
      if (key == "cost.usage") device->cost_usage_micros = value;
      if (key == "cost.wait") device->cost_wait_micros = value;
      if (key == "cost.indebt") device->cost_debt_micros = value;
      if (key == "cost.indelay") device->cost_delay_micros = value;
    }
    device->bytes = {{"Read", device->read_bytes}, {"Write", device->written_bytes}};
  });
}

}  // namespace crisp
