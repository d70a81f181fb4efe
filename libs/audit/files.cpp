#include "libs/audit/files.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <fstream>

namespace swarm::audit {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kPrefix = "audit-";
constexpr std::string_view kSuffix = ".jsonl";
constexpr std::size_t kNumberDigits = 20;

std::string digits(std::uint64_t number) {
  std::array<char, kNumberDigits + 1> text{};
  std::snprintf(text.data(), text.size(), "%020" PRIu64, number);
  return text.data();
}

}  // namespace

std::string file_name(std::uint64_t first) { return std::string(kPrefix) + digits(first) + std::string(kSuffix); }

std::optional<std::uint64_t> first_of(const fs::path& path) {
  const auto name = path.filename().string();
  std::uint64_t first = 0;
  if (name.size() != kPrefix.size() + kNumberDigits + kSuffix.size()) return std::nullopt;
  const char* begin = name.data() + kPrefix.size();
  const auto [end, bad] = std::from_chars(begin, begin + kNumberDigits, first);
  if (bad != std::errc() || name != file_name(first)) return std::nullopt;
  return first;
}

Result<std::vector<File>> files_of(const fs::path& directory) {
  std::vector<File> files;
  std::error_code failed;
  for (fs::directory_iterator it(directory, failed), end; !failed && it != end; it.increment(failed)) {
    if (const auto first = first_of(it->path())) files.push_back({it->path(), *first});
  }
  if (failed) return Error{Code::NotFound, "can't read " + directory.string() + ": " + failed.message()};
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.first < b.first; });
  return files;
}

std::string head_text(const Head& head) {
  return digits(head.newest.number) + " " + head.newest.hash + " " + digits(head.oldest) + "\n";
}

std::optional<Head> read_head(const fs::path& directory) {
  std::ifstream in(directory / "head");
  Head head;
  in >> head.newest.number >> head.newest.hash >> head.oldest;
  if (!in || head.newest.hash.size() != 64) return std::nullopt;
  return head;
}

}  // namespace swarm::audit
