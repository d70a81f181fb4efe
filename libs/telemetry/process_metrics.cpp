#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "libs/telemetry/logging.hpp"
#include "libs/telemetry/metrics.hpp"

namespace swarm::metrics {
namespace {

double seconds(const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; }

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double resident_bytes() {
  std::ifstream in("/proc/self/statm");
  double total = 0;
  double resident = 0;
  in >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double entries(const char* directory) {
  std::error_code error;
  double count = 0;
  for (auto it = std::filesystem::directory_iterator(directory, error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    ++count;
  }
  return count;
}

double descriptors_max() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<double>(limit.rlim_cur);
}

/// Seconds since 1970: the machine's boot time plus field 22 of proc(5)'s stat, counted after the name, which may hold
/// blanks.
double start_time() {
  std::ifstream stat("/proc/self/stat");
  std::string line;
  std::getline(stat, line);
  double ticks = 0;
  if (const auto end = line.rfind(')'); end != std::string::npos) {
    std::istringstream rest(line.substr(end + 2));
    std::string skipped;
    for (int field = 3; field < 22; ++field) rest >> skipped;
    rest >> ticks;
  }
  std::ifstream machine("/proc/stat");
  double boot = 0;
  for (std::string word; machine >> word;) {
    if (word == "btime" && machine >> boot) break;
  }
  return boot + ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

void add_process_metrics(Registry& registry, std::string_view service) {
  registry.counter_callback("process_cpu_seconds_total", "User and system CPU time spent.", {}, cpu_seconds);
  registry.gauge_callback("process_resident_memory_bytes", "Resident memory.", {}, resident_bytes);
  registry.gauge_callback("process_open_fds", "Open file descriptors.", {}, [] { return entries("/proc/self/fd"); });
  registry.gauge_callback("process_max_fds", "Limit of open file descriptors.", {}, descriptors_max);
  registry.gauge_callback("process_threads", "Threads.", {}, [] { return entries("/proc/self/task"); });
  registry.gauge("process_start_time_seconds", "Start of the process, in seconds since 1970.").set(start_time());
  registry.counter_callback("swarm_log_lines_dropped_total", "Log lines lost to a full queue.", {},
                            [] { return static_cast<double>(log::dropped()); });
  registry.gauge("swarm_build_info", "Always 1; says what runs here.",
                 {{"service", std::string(service)}, {"version", SWARM_VERSION}}).set(1);
}

}  // namespace swarm::metrics
