#include "adapters/tzdata/zone_files.hpp"

#include <absl/time/time.h>

#include <algorithm>
#include <string>

namespace swarm::orchestrator::tzdata {
namespace {

constexpr std::size_t kNameBytesMax = 64;

class Zone final : public TimeZone {
 public:
  explicit Zone(absl::TimeZone zone) : zone_(zone) {}

  ZoneSpan at(Seconds utc) const override {
    const absl::Time time = absl::FromUnixSeconds(utc.count());
    ZoneSpan out;
    out.offset = Seconds(zone_.At(time).offset);
    absl::TimeZone::CivilTransition change;
    // The one at `time` itself belongs to this span.
    if (zone_.PrevTransition(time + absl::Seconds(1), &change)) out.from = begin_of(change);
    if (zone_.NextTransition(time, &change)) out.until = begin_of(change);
    return out;
  }

 private:
  Seconds begin_of(const absl::TimeZone::CivilTransition& change) const {
    return Seconds(absl::ToUnixSeconds(zone_.At(change.to).trans));
  }

  absl::TimeZone zone_;
};

/// No path, nothing hidden: "Europe/Berlin", "Etc/GMT+5".
bool is_zone_name(std::string_view name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '_' || c == '-' || c == '+';
  });
  return plain && !name.empty() && name.size() <= kNameBytesMax && name.front() != '/';
}

}  // namespace

std::shared_ptr<const TimeZone> ZoneFiles::find(std::string_view name) const {
  if (name == "UTC") return std::make_shared<Utc>();
  absl::TimeZone zone;
  if (!is_zone_name(name) || name == "localtime" || !absl::LoadTimeZone(std::string(name), &zone)) return nullptr;
  return std::make_shared<Zone>(zone);
}

}  // namespace swarm::orchestrator::tzdata
