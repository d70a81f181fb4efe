#pragma once

#include "domain/time_zone.hpp"

namespace swarm::orchestrator::tzdata {

/// The machine's zone files (/usr/share/zoneinfo, or what TZDIR names). Without them there is UTC alone.
class ZoneFiles final : public TimeZones {
 public:
  std::shared_ptr<const TimeZone> find(std::string_view name) const override;
};

}  // namespace swarm::orchestrator::tzdata
