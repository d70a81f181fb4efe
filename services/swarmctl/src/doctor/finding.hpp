#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "output/terminal.hpp"

namespace swarm::ctl {

enum class Verdict { Ok, Warn, Fail };

/// One thing that doctor looked at.
struct Finding {
  Verdict verdict = Verdict::Ok;
  std::string subject;  // orchestrator, analyst, gateway, this machine
  std::string check;    // what was looked at
  std::string detail;   // what was found
  std::string remedy;   // what to do; empty if ok
};
using Findings = std::vector<Finding>;

bool has_failed(const Findings& findings);

/// A line each, with the remedy below it, and a summary.
void print_text(std::ostream& out, const Terminal& terminal, const Findings& findings);
/// {"ok": …, "checks": [{"verdict", "subject", "check", "detail", "remedy"}]}.
void print_json(std::ostream& out, const Findings& findings);

}  // namespace swarm::ctl
