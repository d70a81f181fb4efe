#include "libs/lmdb/data_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "libs/lmdb/mdb_error.hpp"

namespace swarm::lmdb {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kIdentityFile = "identity";
constexpr std::string_view kCleanFile = "clean";

std::string read_text(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::array<char, 256> text{};
  in.read(text.data(), text.size());
  return {text.data(), static_cast<std::size_t>(in.gcount())};
}

int sync_path(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int rc = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  return rc;
}

/// Replaces the file in one step; returns 0 or errno.
int write_text(const fs::path& file, const std::string& text) {
  const fs::path fresh = file.string() + ".new";
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return errno;
  const ssize_t written = ::write(fd, text.data(), text.size());
  int rc = written < 0 ? errno : static_cast<std::size_t>(written) != text.size() ? ENOSPC : 0;
  if (rc == 0 && ::fsync(fd) != 0) rc = errno;
  ::close(fd);
  if (rc == 0 && ::rename(fresh.c_str(), file.c_str()) != 0) rc = errno;
  return rc != 0 ? rc : sync_path(file.parent_path());
}

std::string identity_text(const Identity& identity) {
  return "swarm data of " + identity.service + ", format " + std::to_string(identity.format) + "\n";
}

std::optional<Identity> parse_identity(std::string_view text) {
  constexpr std::string_view head = "swarm data of ";
  constexpr std::string_view middle = ", format ";
  const auto at = text.find(middle);
  if (!text.starts_with(head) || at == text.npos) return std::nullopt;
  Identity found{std::string(text.substr(head.size(), at - head.size())), 0};
  const char* digits = text.data() + at + middle.size();
  if (std::from_chars(digits, text.data() + text.size(), found.format).ec != std::errc{}) return std::nullopt;
  return found;
}

std::optional<Identity> identity_in(const fs::path& directory) {
  return parse_identity(read_text(directory / kIdentityFile));
}

bool same_owner(std::string_view a, std::string_view b) { return a.substr(0, a.find('-')) == b.substr(0, b.find('-')); }

/// Services may keep several stores in folders of their data_dir, so another one's may be just above or just below.
Result<void> check_neighbours(const fs::path& path, const Identity& wanted) {
  std::vector<fs::path> near{fs::absolute(path).parent_path()};
  std::error_code unreadable;  // what can't be listed can't be compared; opening it will say why
  for (fs::directory_iterator it(path, unreadable), end; !unreadable && it != end; it.increment(unreadable)) {
    if (it->is_directory(unreadable)) near.push_back(it->path());
  }
  for (const auto& directory : near) {
    const auto found = identity_in(directory);
    if (found && !same_owner(found->service, wanted.service)) {
      return Error{Code::FailedPrecondition, "data directory " + path.string() + " belongs to " + found->service + " (" +
                                                 directory.string() + "), not to " + wanted.service + "; choose another data_dir"};
    }
  }
  return outcome::success();
}

Result<void> check_identity(const fs::path& path, const Identity& wanted) {
  const bool has_data = fs::exists(path / "data.mdb");
  const bool has_identity = fs::exists(path / kIdentityFile);
  if (!has_identity && !has_data) {
    BOOST_OUTCOME_TRY(check_neighbours(path, wanted));
    return DataDirectory::write_identity(path, wanted);
  }
  const auto found = identity_in(path);
  const std::string where = "data directory " + path.string();
  if (!found) {
    return Error{Code::FailedPrecondition, where + " holds data that is not ours (no valid identity file); choose another data_dir"};
  }
  if (found->service != wanted.service) {
    return Error{Code::FailedPrecondition, where + " belongs to " + found->service + ", not to " + wanted.service + "; choose another data_dir"};
  }
  if (found->format > wanted.format) {
    return Error{Code::FailedPrecondition,
                 where + " has format " + std::to_string(found->format) + ", this program knows up to " +
                     std::to_string(wanted.format) + "; start the newer version, or restore a backup"};
  }
  return outcome::success();
}

/// What data.mdb looked like, so that a change made while nobody ran is noticed.
std::string fingerprint(const fs::path& path) {
  struct stat st {};
  if (::stat((path / "data.mdb").c_str(), &st) != 0) return "";
  return std::to_string(st.st_size) + " " + std::to_string(st.st_mtim.tv_sec) + "." + std::to_string(st.st_mtim.tv_nsec) + "\n";
}

}  // namespace

Result<DataDirectory> DataDirectory::acquire(const fs::path& path, const Identity& identity) {
  std::error_code failed;
  fs::create_directories(path, failed);
  if (failed) return mdb_error(failed.value(), "can't create the data directory", path);
  // Ours never has data without an identity: whoever's it is, nothing is left in it.
  if (fs::exists(path / "data.mdb", failed) && !fs::exists(path / kIdentityFile, failed)) return check_identity(path, identity).error();
  const int fd = ::open((path / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return mdb_error(errno, "can't open the lock file", path);
  DataDirectory directory(path, fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    std::string pid = read_text(path / "lock");
    while (!pid.empty() && pid.back() == '\n') pid.pop_back();
    return Error{Code::FailedPrecondition, "data directory " + path.string() + " is in use by process " +
                                               (pid.empty() ? "unknown" : pid) + "; stop it or choose another data_dir"};
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return mdb_error(errno != 0 ? errno : ENOSPC, "can't write the lock file", path);
  }
  BOOST_OUTCOME_TRY(check_identity(path, identity));
  return directory;
}

DataDirectory::DataDirectory(DataDirectory&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

DataDirectory::~DataDirectory() {
  if (lock_ >= 0) ::close(lock_);
}

bool DataDirectory::needs_check() const {
  return fs::exists(path_ / "data.mdb") && read_text(path_ / kCleanFile) != fingerprint(path_);
}

Result<void> DataDirectory::mark_running() {
  std::error_code failed;
  fs::remove(path_ / kCleanFile, failed);
  if (failed) return mdb_error(failed.value(), "can't remove the clean-stop mark", path_);
  if (const int rc = sync_path(path_); rc != 0) return mdb_error(rc, "can't sync the data directory", path_);
  return outcome::success();
}

void DataDirectory::mark_clean() {
  // Without the mark the next start only takes longer, so a full disk is no error here.
  write_text(path_ / kCleanFile, fingerprint(path_));
}

Result<void> DataDirectory::write_identity(const fs::path& path, const Identity& identity) {
  const int rc = write_text(path / kIdentityFile, identity_text(identity));
  if (rc != 0) return mdb_error(rc, "can't write the identity", path);
  return outcome::success();
}

}  // namespace swarm::lmdb
