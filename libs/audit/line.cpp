#include "libs/audit/line.hpp"

#include <charconv>

#include "libs/base/sha256.hpp"
#include "libs/telemetry/json_line.hpp"

namespace swarm::audit {
namespace {

constexpr std::size_t kValueBytesMax = 4096;
constexpr std::size_t kHashDigits = 64;
constexpr std::string_view kBeforeNumber = R"({"seq":)";
constexpr std::string_view kBeforePrevious = R"(","prev":")";
constexpr std::string_view kBeforeHash = R"(,"hash":")";
constexpr std::string_view kEnd = R"("})";

}  // namespace

std::string make_line(const Link& before, WallTime at, std::string_view event, Fields fields) {
  std::string line(kBeforeNumber);
  line += std::to_string(before.number + 1);
  line += R"(,"ts":")";
  line += log::timestamp(at);
  line += kBeforePrevious;
  line += before.hash;
  line += R"(","event":)";
  log::append_json_string(line, event);
  for (const auto& [key, value] : fields) {
    if (value.empty()) continue;
    line += ',';
    log::append_json_string(line, key);
    line += ':';
    log::append_json_string(line, value, kValueBytesMax);
  }
  const auto hash = sha256_hex(line);
  line += kBeforeHash;
  line += hash;
  line += kEnd;
  return line;
}

std::optional<Place> place_of(std::string_view line) {
  constexpr std::size_t kTail = kBeforeHash.size() + kHashDigits + kEnd.size();
  if (line.size() < kTail || !line.starts_with(kBeforeNumber) || !line.ends_with(kEnd)) return std::nullopt;
  const auto body = line.substr(0, line.size() - kTail);
  const auto tail = line.substr(body.size());
  if (!tail.starts_with(kBeforeHash)) return std::nullopt;
  Place place;
  place.link.hash = tail.substr(kBeforeHash.size(), kHashDigits);
  const char* digits = body.data() + kBeforeNumber.size();
  const auto [end, bad] = std::from_chars(digits, body.data() + body.size(), place.link.number);
  // The first such place is ours: the values before it, number and time, hold no quotes.
  const auto previous = body.find(kBeforePrevious);
  if (bad != std::errc() || previous == std::string_view::npos) return std::nullopt;
  place.before = body.substr(previous + kBeforePrevious.size(), kHashDigits);
  if (sha256_hex(body) != place.link.hash) return std::nullopt;
  return place;
}

}  // namespace swarm::audit
