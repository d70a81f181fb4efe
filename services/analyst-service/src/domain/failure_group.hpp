#pragma once

#include <cstdint>
#include <string>

#include "domain/digest.hpp"
#include "domain/family.hpp"

namespace swarm::analyst::domain {

/// What a kind of failure is: the same for all its events.
struct KindText {
  Id kind;
  std::string role;
  std::string stack;
  Family family = Family::General;
  std::string cause;    // masked
  std::string sample;   // the first event's cause line, shortened
  std::string excerpt;  // of the first event's log, shortened: what a rule's author gets to read
};

/// How often a kind was seen.
struct Group {
  Id kind;
  std::int64_t events = 0;   // without repeats
  std::int64_t tasks = 0;    // distinct
  std::int64_t first_ms = 0;
  std::int64_t last_ms = 0;
};

/// Counts that always add up: events = Σ groups.events + aged_events.
struct Totals {
  std::int64_t events = 0;
  std::int64_t repeats = 0;
  std::int64_t aged_events = 0;   // of groups that were forgotten to keep memory bounded
  std::int64_t aged_groups = 0;
  std::uint64_t next_sequence = 1;
  std::uint64_t rule_version = 0; // of the last change to any rule
};

/// How many attempts ended in one scope, whatever their rules.
struct ScopeOutcomes {
  std::string stack;
  std::string role;
  std::int64_t successes = 0;
  std::int64_t failures = 0;
};

}  // namespace swarm::analyst::domain
