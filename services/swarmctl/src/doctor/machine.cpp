#include "doctor/machine.hpp"

#include <sys/timex.h>
#include <unistd.h>

#include <filesystem>

namespace swarm::ctl {
namespace {

namespace fs = std::filesystem;
constexpr std::uintmax_t kFreeFail = 100ull << 20;
constexpr std::uintmax_t kFreeWarn = 1ull << 30;
constexpr const char* kSubject = "this machine";

}  // namespace

Finding check_clock() {
  timex state{};  // modes 0: only asks
  const int answer = adjtimex(&state);
  if (answer >= 0 && answer != TIME_ERROR && (state.status & STA_UNSYNC) == 0) {
    return {Verdict::Ok, kSubject, "clock", "synchronised", ""};
  }
  return {Verdict::Warn, kSubject, "clock", "not synchronised by the kernel's account",
          "run an NTP client such as chrony; ignore this if the host of this machine keeps its clock right"};
}

Findings check_data_directory(const std::string& path, bool asked_for) {
  std::error_code error;
  const std::string check = "data in " + path;
  if (!fs::is_directory(path, error)) {
    if (!asked_for) return {};
    return {{Verdict::Fail, kSubject, check, "no such folder", "give the services' data_dir by --data-dir"}};
  }
  if (access(path.c_str(), R_OK | W_OK | X_OK) != 0) {
    return {{Verdict::Warn, kSubject, check, "this user may not write there",
             "run doctor as the services' user, or correct the folder's owner"}};
  }
  const auto space = fs::space(path, error);
  if (error) return {{Verdict::Warn, kSubject, check, error.message(), "look at the file system"}};
  const std::string free = std::to_string(space.available >> 20) + " MiB free";
  if (space.available >= kFreeWarn) return {{Verdict::Ok, kSubject, check, free, ""}};
  return {{space.available < kFreeFail ? Verdict::Fail : Verdict::Warn, kSubject, check, free,
           "make room: a full disk makes the orchestrator and the analyst refuse work"}};
}

}  // namespace swarm::ctl
