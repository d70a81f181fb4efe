#include "libs/audit/verify.hpp"

#include <fstream>

#include "libs/audit/files.hpp"

namespace swarm::audit {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kFaultsMax = 20;
constexpr std::size_t kLineBytesMax = 1 << 20;

class Verifier {
 public:
  explicit Verifier(const std::optional<Link>& known) : known_(known) {}

  Result<void> read(const File& file, bool last) {
    std::ifstream in(file.path, std::ios::binary);
    if (!in) return Error{Code::NotFound, "can't read " + file.path.string()};
    name_ = file.path.filename().string();
    line_ = 0;
    if (started_ && file.first != report.newest.number + 1) fault("begins with line " + std::to_string(file.first) + " where " + std::to_string(report.newest.number + 1) + " should follow");
    std::string text;
    while (std::getline(in, text)) {
      ++line_;
      if (in.eof()) {
        unfinished(text.size(), last);
        break;
      }
      if (text.size() > kLineBytesMax) fault("is longer than any line of ours");
      else check(text, file.first);
    }
    ++report.files;
    return outcome::success();
  }

  /// `head` as it was before the lines were read, `oldest` as it was afterwards: lines come and files go meanwhile.
  void check_end(const std::optional<Head>& head, std::uint64_t oldest) {
    if (head && head->newest.number > report.newest.number) {
      add("lines " + std::to_string(report.newest.number + 1) + " to " + std::to_string(head->newest.number) + " are missing at the end");
    }
    if (report.oldest > oldest) {
      add("lines " + std::to_string(oldest) + " to " + std::to_string(report.oldest - 1) + " are missing at the beginning");
    }
    if (head && head_seen_ && *head_seen_ != head->newest.hash) add("the file head names another line " + std::to_string(head->newest.number));
    if (known_ && !known_seen_) add("line " + std::to_string(known_->number) + ", which is known from elsewhere, is not there");
  }

  void expect_head(const std::optional<Head>& head) { head_ = head; }

  Report report;

 private:
  void check(const std::string& text, std::uint64_t first_of_file) {
    const auto place = place_of(text);
    if (!place) return fault("was changed: its hash does not fit");
    if (!started_) {
      report.oldest = place->link.number;
      if (place->link.number != first_of_file) fault("has number " + std::to_string(place->link.number) + " where the file's name says " + std::to_string(first_of_file));
      if (place->link.number == 1 && place->before != Link{}.hash) fault("is the first and names one before it");
    } else if (place->link.number != report.newest.number + 1) {
      fault("has number " + std::to_string(place->link.number) + " after " + std::to_string(report.newest.number));
    } else if (place->before != report.newest.hash) {
      fault("does not follow the line before it");
    }
    started_ = true;
    ++report.lines;
    report.newest = place->link;
    if (head_ && head_->newest.number == place->link.number) head_seen_ = place->link.hash;
    if (known_ && known_->number == place->link.number) {
      known_seen_ = true;
      if (known_->hash != place->link.hash) fault("is another one than is known from elsewhere");
    }
  }

  void unfinished(std::size_t bytes, bool last) {
    if (last) report.unfinished_bytes = bytes;
    else fault("is unfinished, and a further file follows");
  }

  void fault(const std::string& what) { add(name_ + ":" + std::to_string(line_) + " " + what); }
  void add(std::string what) {
    if (report.faults.size() < kFaultsMax) report.faults.push_back(std::move(what));
  }

  const std::optional<Link>& known_;
  std::optional<Head> head_;
  std::optional<std::string> head_seen_;
  bool known_seen_ = false;
  bool started_ = false;
  std::string name_;
  std::uint64_t line_ = 0;
};

/// Where the log's files are, given that place or the data directory that it is in.
fs::path directory_of(const fs::path& path) {
  std::error_code ignored;  // what is neither is told later
  return fs::is_directory(path / "audit", ignored) ? path / "audit" : path;
}

}  // namespace

Result<Report> verify(const fs::path& path, const std::optional<Link>& known) {
  Verifier verifier(known);
  std::error_code ignored;  // what is neither is told below
  if (fs::is_regular_file(path, ignored)) {
    const auto first = first_of(path);
    if (!first) return Error{Code::NotFound, path.string() + " is no file of an audit log"};
    BOOST_OUTCOME_TRYV(verifier.read({path, *first}, true));
    verifier.check_end(std::nullopt, *first);
    return std::move(verifier.report);
  }
  const auto directory = directory_of(path);
  const auto head = read_head(directory);
  BOOST_OUTCOME_TRY(const auto files, files_of(directory));
  if (files.empty() && !head) return Error{Code::NotFound, path.string() + " holds no audit log"};
  verifier.expect_head(head);
  for (const auto& file : files) {
    BOOST_OUTCOME_TRYV(verifier.read(file, &file == &files.back()));
  }
  const auto then = read_head(directory);
  verifier.check_end(head, then ? then->oldest : 1);
  return std::move(verifier.report);
}

}  // namespace swarm::audit
