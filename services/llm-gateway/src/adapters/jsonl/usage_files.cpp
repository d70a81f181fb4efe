#include "adapters/jsonl/usage_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "libs/telemetry/json_line.hpp"

namespace swarm::gateway {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kPrefix = "usage-";
constexpr std::string_view kSuffix = ".jsonl";
constexpr std::string_view kLineBegin = "{\"seq\":";
constexpr std::uint64_t kLineBytesMax = 1u << 20;

Error fault(int number, std::string_view doing, const fs::path& path) {
  const Code code = number == ENOSPC || number == EDQUOT ? Code::ResourceExhausted : Code::Unavailable;
  return {code, "usage log: can't " + std::string(doing) + " " + path.string() + ": " + std::strerror(number)};
}

std::optional<std::uint64_t> number_at(std::string_view text) {
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc()) return std::nullopt;
  return n;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

void text_field(std::string& line, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  line += ",\"";
  line += name;
  line += "\":";
  log::append_json_string(line, value);
}

template <class N>
void number_field(std::string& line, std::string_view name, N value) {
  line += ",\"";
  line += name;
  line += "\":" + std::to_string(value);
}

}  // namespace

std::string usage_line(const NumberedRow& numbered) {
  const UsageRow& row = numbered.row;
  std::string line(kLineBegin);
  line += std::to_string(numbered.number);
  text_field(line, "ts", log::timestamp(row.at));
  text_field(line, "request_id", row.request_id);
  text_field(line, "team", row.team);
  text_field(line, "key", row.key);
  text_field(line, "task", row.task);
  text_field(line, "model", row.model);
  text_field(line, "upstream", row.upstream);
  text_field(line, "ending", name(row.ending));
  number_field(line, "status", row.status);
  number_field(line, "duration_ms", row.duration_ms);
  const Usage& u = row.usage;
  number_field(line, "input_tokens", u.input_total());
  number_field(line, "output_tokens", u.output_total());
  const std::pair<std::string_view, std::uint64_t> parts[] = {
      {"cache_read_tokens", u.cache_read},   {"cache_write_tokens", u.cache_write + u.cache_write_1h}, {"reasoning_tokens", u.reasoning},
      {"audio_input_tokens", u.audio_input}, {"audio_output_tokens", u.audio_output},                  {"image_input_tokens", u.image_input}};
  for (const auto& [name, tokens] : parts) {
    if (tokens > 0) number_field(line, name, tokens);
  }
  if (u.estimated) line += ",\"estimated\":true";
  if (u.batch) line += ",\"batch\":true";
  number_field(line, "nano_usd", row.settlement.cost.nano);
  text_field(line, "price_version", row.price_version);
  text_field(line, "note", row.note);
  text_field(line, "prompt", row.prompt);
  line += '}';
  return line;
}

UsageFiles::~UsageFiles() { close(); }

void UsageFiles::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

std::vector<UsageFiles::File> UsageFiles::files() const {
  std::vector<File> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(options_.directory, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) continue;
    if (const auto first = number_at(std::string_view(name).substr(kPrefix.size()))) found.push_back({entry.path(), *first});
  }
  std::sort(found.begin(), found.end(), [](const File& a, const File& b) { return a.first < b.first; });
  return found;
}

Result<std::uint64_t> UsageFiles::last(std::uint64_t newest) {
  std::error_code error;
  fs::create_directories(options_.directory, error);
  if (error) return fault(error.value(), "make the folder", options_.directory);
  const auto present = files();
  if (!present.empty()) {
    BOOST_OUTCOME_TRY(const auto last, resume(present.back()));
    next_ = last + 1;
    return last;
  }
  BOOST_OUTCOME_TRYV(begin(newest + 1));
  return newest;
}

/// Opens a file for appending and cuts off what is no whole line of ours.
Result<std::uint64_t> UsageFiles::resume(const File& file) {
  close();
  fd_ = ::open(file.path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC);
  if (fd_ < 0) return fault(errno, "open", file.path);
  struct stat status {};
  if (::fstat(fd_, &status) != 0) return fault(errno, "look at", file.path);
  size_ = static_cast<std::uint64_t>(status.st_size);
  const std::uint64_t read_from = size_ > 2 * kLineBytesMax ? size_ - 2 * kLineBytesMax : 0;
  std::string end(static_cast<std::size_t>(size_ - read_from), '\0');
  if (!end.empty() && ::pread(fd_, end.data(), end.size(), static_cast<off_t>(read_from)) != static_cast<ssize_t>(end.size())) {
    return fault(errno, "read", file.path);
  }
  std::string_view text(end);
  while (!text.empty()) {
    const std::size_t line_end = text.rfind('\n');
    if (line_end == std::string_view::npos) break;
    const std::size_t before = line_end == 0 ? std::string_view::npos : text.rfind('\n', line_end - 1);
    const std::size_t begin_at = before == std::string_view::npos ? 0 : before + 1;
    const std::string_view line = text.substr(begin_at, line_end - begin_at);
    text = text.substr(0, line_end + 1);
    const auto seq = line.starts_with(kLineBegin) && line.ends_with('}') ? number_at(line.substr(kLineBegin.size())) : std::nullopt;
    if (seq) {
      size_ = read_from + text.size();
      if (::ftruncate(fd_, static_cast<off_t>(size_)) != 0) return fault(errno, "mend", file.path);
      return *seq;
    }
    text = text.substr(0, begin_at);
  }
  size_ = 0;
  if (::ftruncate(fd_, 0) != 0) return fault(errno, "mend", file.path);
  return file.first - 1;
}

Result<void> UsageFiles::begin(std::uint64_t first) {
  std::array<char, 64> name{};
  std::snprintf(name.data(), name.size(), "usage-%020llu.jsonl", static_cast<unsigned long long>(first));
  const fs::path path = options_.directory / name.data();
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (fd < 0) return fault(errno, "make", path);
  // The name must survive a crash as the lines do: it says where the log begins.
  const int folder = ::open(options_.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool durable = folder >= 0 && ::fsync(folder) == 0;
  const int why = errno;
  if (folder >= 0) ::close(folder);
  if (!durable) {
    ::close(fd);
    return fault(why, "keep", path);
  }
  close();
  fd_ = fd;
  size_ = 0;
  return outcome::success();
}

Result<void> UsageFiles::write(const std::vector<NumberedRow>& rows) {
  if (fd_ < 0 || size_ >= options_.file_bytes_max) {
    BOOST_OUTCOME_TRYV(begin(rows.front().number));
    drop_old();
  }
  std::string text;
  for (const NumberedRow& row : rows) text += usage_line(row) + '\n';
  if (!write_all(fd_, text) || ::fdatasync(fd_) != 0) {
    const int why = errno;
    // So that no torn line stands before those that come again.
    if (::ftruncate(fd_, static_cast<off_t>(size_)) != 0) close();
    return fault(why, "write to", options_.directory);
  }
  size_ += text.size();
  next_ = rows.back().number + 1;
  return outcome::success();
}

/// Also of a log to which nothing is written any more: its last file ends, so that it can go too.
void UsageFiles::tidy() {
  std::error_code unknown;
  if (fd_ >= 0 && size_ > 0 && next_ > 0) {
    const auto present = files();
    const auto written = present.empty() ? fs::file_time_type::max() : fs::last_write_time(present.back().path, unknown);
    if (!unknown && fs::file_time_type::clock::now() - written > options_.kept && !begin(next_)) return;
  }
  drop_old();
}

void UsageFiles::drop_old() {
  const auto present = files();
  std::error_code ignored;
  std::uint64_t total = 0;
  const auto now = fs::file_time_type::clock::now();
  for (std::size_t i = present.size(); i-- > 0;) {
    const auto bytes = fs::file_size(present[i].path, ignored);
    total += ignored ? 0 : bytes;
    if (i + 1 == present.size()) continue;
    const auto written = fs::last_write_time(present[i].path, ignored);
    if (total > options_.bytes_max || now - written > options_.kept) fs::remove(present[i].path, ignored);
  }
}

}  // namespace swarm::gateway
