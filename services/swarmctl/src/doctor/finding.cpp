#include "doctor/finding.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "output/printable.hpp"

namespace swarm::ctl {
namespace {

struct VerdictFacts {
  const char* name;
  Style style;
};

const VerdictFacts& facts_of(Verdict verdict) {
  static constexpr std::array<VerdictFacts, 3> kVerdicts = {
      {{"ok", Style::Good}, {"warn", Style::Waiting}, {"fail", Style::Bad}}};
  return kVerdicts[static_cast<std::size_t>(verdict)];
}

std::string padded(const std::string& text, std::size_t width) {
  return text + std::string(width - std::min(width, display_width(text)), ' ');
}

}  // namespace

bool has_failed(const Findings& findings) {
  return std::any_of(findings.begin(), findings.end(), [](const Finding& f) { return f.verdict == Verdict::Fail; });
}

void print_text(std::ostream& out, const Terminal& terminal, const Findings& findings) {
  std::size_t subject = 0;
  std::size_t check = 0;
  std::array<int, 3> count{};
  for (const Finding& f : findings) {
    subject = std::max(subject, display_width(f.subject));
    check = std::max(check, display_width(f.check));
    ++count[static_cast<std::size_t>(f.verdict)];
  }
  for (const Finding& f : findings) {
    const VerdictFacts& verdict = facts_of(f.verdict);
    out << styled(verdict.name, verdict.style, terminal) << std::string(6 - std::string_view(verdict.name).size(), ' ')
        << padded(f.subject, subject) << "  " << padded(f.check, check) << "  " << one_line(f.detail) << '\n';
    if (!f.remedy.empty()) out << "      → " << one_line(f.remedy) << '\n';
  }
  out << count[0] << " ok, " << count[1] << " to look at, " << count[2] << " failed" << std::endl;
}

void print_json(std::ostream& out, const Findings& findings) {
  boost::json::array checks;
  for (const Finding& f : findings) {
    checks.push_back({{"verdict", facts_of(f.verdict).name},
                      {"subject", f.subject},
                      {"check", f.check},
                      {"detail", many_lines(f.detail)},
                      {"remedy", f.remedy}});
  }
  out << boost::json::object{{"ok", !has_failed(findings)}, {"checks", std::move(checks)}} << std::endl;
}

}  // namespace swarm::ctl
