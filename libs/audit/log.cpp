#include "libs/audit/log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <mutex>
#include <optional>
#include <sstream>

#include "libs/audit/files.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::audit {
namespace fs = std::filesystem;
namespace {

constexpr off_t kReserveBytes = 64 << 10;

Error failure(int error, const std::string& doing, const fs::path& path) {
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return {full ? Code::ResourceExhausted : Code::Unavailable, "the audit log can't be written: can't " + doing + " " + path.string() + ": " + std::strerror(error)};
}

int open_file(const fs::path& path, int flags) {
  return ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
}

/// Names of files are durable only once their directory is.
void sync_directory(const fs::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream all;
  all << in.rdbuf();
  return std::move(all).str();
}

/// The last one of complete lines, without its newline.
std::optional<std::string> last_line(std::string_view text) {
  if (text.empty() || text.back() != '\n') return std::nullopt;
  text.remove_suffix(1);
  return std::string(text.substr(text.rfind('\n') + 1));  // npos + 1 is 0
}

}  // namespace

struct Log::Impl {
  Impl(Options o, const Clock& c) : options(std::move(o)), clock(c) {}
  ~Impl() {
    if (file >= 0) ::close(file);
    if (head_file >= 0) ::close(head_file);
  }

  Result<void> open();
  std::string continue_chain();
  Result<void> begin_file();
  void drop_oldest();
  Result<void> write_line(const std::string& line);
  Result<Link> append(std::string_view event, Fields fields, Durability durability);
  void write_head();

  Options options;
  const Clock& clock;
  mutable std::mutex mutex;
  std::vector<File> files;
  Link newest;
  int file = -1;
  int head_file = -1;
  off_t size = 0;
  off_t kept_up_to = 0;
  std::string found;  // what opening noticed
};

Result<void> Log::Impl::open() {
  std::error_code failed;
  fs::create_directories(options.directory, failed);
  if (failed) return failure(failed.value(), "create", options.directory);
  ::chmod(options.directory.c_str(), S_IRWXU);
  BOOST_OUTCOME_TRY(files, files_of(options.directory));
  head_file = open_file(options.directory / "head", O_RDWR | O_CREAT);
  if (head_file < 0) return failure(errno, "open", options.directory / "head");
  const auto head = read_head(options.directory);
  if (!files.empty()) {
    file = open_file(files.back().path, O_WRONLY | O_APPEND);
    if (file < 0) return failure(errno, "open", files.back().path);
    found = continue_chain();
  }
  if (head && head->newest.number > newest.number) {
    // Its lines were on the disk and are gone. The gap in the numbers stays for verify() to find.
    log::error("audit log was cut off", {{"last_line", newest.number}, {"lines_written", head->newest.number}});
    found = "lines " + std::to_string(newest.number + 1) + " to " + std::to_string(head->newest.number) + " are missing";
    newest = head->newest;
  }
  return outcome::success();
}

/// Finds the end of the chain and cuts off what a crash left of a line. Returns what there is to tell.
std::string Log::Impl::continue_chain() {
  const auto text = text_of(files.back().path);
  const auto end = text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1;
  size = static_cast<off_t>(end);
  std::string told;
  if (end < text.size()) {
    told = std::to_string(text.size() - end) + " bytes of an unfinished line were cut off";
    if (::ftruncate(file, size) != 0) log::error("can't cut off an unfinished line of the audit log", {{"error", std::strerror(errno)}});
  }
  // A crash right after a rotation leaves a file without lines; then the chain ends in the one before it.
  std::optional<std::string> line = last_line(std::string_view(text).substr(0, end));
  if (!line && files.size() > 1) line = last_line(text_of(files[files.size() - 2].path));
  newest.number = files.back().first - 1;
  if (!line) return told;
  const auto place = place_of(*line);
  if (place) {
    newest = place->link;
    return told;
  }
  log::error("audit log was tampered with: its last line is none of ours", {{"directory", options.directory.string()}});
  return "the last line before this one is none of ours";
}

Result<void> Log::Impl::begin_file() {
  const auto path = options.directory / file_name(newest.number + 1);
  const int next = open_file(path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL);
  if (next < 0) return failure(errno, "create", path);
  if (file >= 0) {
    ::fdatasync(file);
    ::close(file);
  }
  file = next;
  size = 0;
  kept_up_to = 0;
  files.push_back({path, newest.number + 1});
  drop_oldest();
  sync_directory(options.directory);
  return outcome::success();
}

void Log::Impl::drop_oldest() {
  while (files.size() > std::max(2u, options.files_max)) {
    // First the head, so that a crash in between leaves a file too many and not one that seems to be taken away.
    const fs::path oldest = files.front().path;
    files.erase(files.begin());
    write_head();
    std::error_code ignored;  // it is tried again with the next file
    fs::remove(oldest, ignored);
  }
}

void Log::Impl::write_head() {
  const auto text = head_text({newest, files.empty() ? 1 : files.front().first});
  // Only a witness: a lost update makes it older, which is harmless.
  if (::pwrite(head_file, text.data(), text.size(), 0) < 0) log::warn("can't write the audit log's head", {{"error", std::strerror(errno)}});
}

Result<void> Log::Impl::write_line(const std::string& line) {
  if (size + static_cast<off_t>(line.size()) + kReserveBytes / 2 > kept_up_to) {
    // Without it lines still go to the disk while there is room; not every file system can do it.
    if (::fallocate(file, FALLOC_FL_KEEP_SIZE, size, kReserveBytes) == 0) kept_up_to = size + kReserveBytes;
  }
  std::size_t done = 0;
  while (done < line.size()) {
    const auto wrote = ::write(file, line.data() + done, line.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) {
      const int error = wrote == 0 ? ENOSPC : errno;
      if (done > 0 && ::ftruncate(file, size) != 0) log::error("the audit log holds an unfinished line", {{"error", std::strerror(errno)}});
      return failure(error, "append to", files.back().path);
    }
    done += static_cast<std::size_t>(wrote);
  }
  size += static_cast<off_t>(line.size());
  return outcome::success();
}

Result<Link> Log::Impl::append(std::string_view event, Fields fields, Durability durability) {
  std::lock_guard lock(mutex);
  auto line = make_line(newest, clock.wall_now(), event, fields);
  const auto place = place_of(line);
  line += '\n';
  if (file < 0 || (size > 0 && static_cast<std::uint64_t>(size) + line.size() > options.file_bytes_max)) {
    BOOST_OUTCOME_TRYV(begin_file());
  }
  BOOST_OUTCOME_TRYV(write_line(line));
  if (durability == Durability::OnDisk) {
    if (::fdatasync(file) != 0) {
      const auto error = failure(errno, "sync", files.back().path);
      size -= static_cast<off_t>(line.size());
      if (::ftruncate(file, size) != 0) log::error("the audit log holds a line that may not last", {{"error", std::strerror(errno)}});
      return error;
    }
    newest = place->link;
    write_head();
  }
  newest = place->link;
  return newest;
}

Log::Log(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Log::~Log() = default;

Result<std::unique_ptr<Log>> Log::open(Options options, std::string_view service, const Clock& clock) {
  auto impl = std::make_unique<Impl>(std::move(options), clock);
  BOOST_OUTCOME_TRYV(impl->open());
  std::unique_ptr<Log> log(new Log(std::move(impl)));
  const std::string found = log->impl_->found;
  BOOST_OUTCOME_TRYV(log->append("started", {{"service", service}, {"version", SWARM_VERSION}, {"found", found}}, Durability::OnDisk));
  return log;
}

Result<Link> Log::append(std::string_view event, Fields fields, Durability durability) {
  return impl_->append(event, fields, durability);
}

Link Log::newest() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->newest;
}

}  // namespace swarm::audit
