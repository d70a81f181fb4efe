#include "domain/cause_reader.hpp"

namespace swarm::analyst::domain {

bool is_verdict(std::string_view line) {
  if (line.starts_with("make") || line.starts_with("gmake")) return contains(line, "]: *** ") ? contains(line, "] Error ") : contains(line, ": *** [") && contains(line, "] Error ");
  if (line.starts_with("ninja: build stopped") || contains(line, " failed: exit code ") || contains(line, " failed with exit code ")) return true;
  if (line.size() < 64 && line.ends_with("(core dumped)") && !contains(line, ": ")) return true;
  for (const std::string_view opening : {"FAILURE: Build failed", "BUILD FAIL", "Build FAILED", "Execution failed for task", "> Compilation error. See log"})
    if (line.starts_with(opening)) return true;
  return (line.starts_with("Found ") && contains(line, " error")) || line.starts_with("Your code has been rated");
}

namespace {

// Words that tell a complaint, and those that only hint at one.
bool sounds_bad(std::string_view line) {
  for (const std::string_view word : {"rror", "ailed", "atal:", "atal ", "annot", "an't", "xception", "nable to", "enied", "nvalid",
                                      "not found", "issing", "refused", "imeout", "timed out", "nrecognized", "nknown ", "No such",
                                      "ould not", "ouldn't", "oesn't", "llegal", "ERROR", "FATAL", "panic:"})
    if (contains(line, word)) return true;
  return false;
}

bool hints_at_fault(std::string_view line) {
  for (const std::string_view word : {"orrupt", "ouble free", " detected", "terminate called", "verflow", "iolat", "ssertion", "eadlock", "ejected",
                                      "onflict", "xpired", "xceed", "ismatch", "not allowed", "not permitted", "nsupported", "not supported", "ndefined",
                                      "nexpected", "nresolved", " must ", "unsatisf", "No matching", "no argument", "aborted", "Aborted"})
    if (contains(line, word)) return true;
  return false;
}

// A runner's echo of the command, and what a program says to everybody.
bool is_small_talk(std::string_view line) {
  return line.starts_with("> ") || line.starts_with("+ ") || line.starts_with("Try ") || line.starts_with("Usage:") || line.starts_with("usage:");
}

// Without its numbers; empty when it isn't a place in a file.
std::string_view file_of_place(std::string_view place) {
  if (const std::size_t maven = place.rfind(":["); place.ends_with(']') && maven != std::string_view::npos) return place.substr(0, maven);
  std::size_t at = place.size(), numbers = 0;
  while (at > 0 && is_digit(place[at - 1])) {
    while (at > 0 && is_digit(place[at - 1])) --at;
    if (at == 0 || place[at - 1] != ':') return {};
    --at;
    ++numbers;
  }
  const auto file = place.substr(0, at);
  const std::size_t dot = file.rfind('.');
  return numbers > 0 && dot != std::string_view::npos && dot + 1 < file.size() && is_letter(file[dot + 1]) ? file : std::string_view();
}

// `src/a.py:12:8: F401 …`, `e: file:///src/a.kt:12:9 …`, `lua: a.lua:12: …`, ``a.rb:12:in `load': …``: the message behind
// a place in a file; empty when there is none.
std::string_view located_complaint(std::string_view line) {
  if (line.starts_with("[ERROR] ")) line.remove_prefix(8);
  if (line.empty() || is_blank(line.front())) return {};
  const auto head = line.substr(0, 512);
  std::size_t blank = head.find(' ');
  if (blank == std::string_view::npos || blank == 0) return {};
  auto place = line.substr(0, blank);
  if (place.ends_with(':') && std::all_of(place.begin(), place.end() - 1, is_word)) {
    const std::size_t next = head.find(' ', blank + 1);  // the tool's own name comes first
    if (next == std::string_view::npos) return {};
    place = line.substr(blank + 1, next - blank - 1);
    blank = next;
  }
  auto message = line.substr(blank + 1);
  if (place.ends_with(":in")) {
    const std::size_t told = message.find("': ");
    if (told == std::string_view::npos) return {};
    place.remove_suffix(3);
    message.remove_prefix(told + 3);
  }
  if (place.ends_with(':')) place.remove_suffix(1);
  return file_of_place(place).empty() ? std::string_view() : message;
}

// What goes wrong below Gradle's heading: the first line, or the one that it introduces.
std::size_t below_heading(const CauseReader& log) {
  for (std::size_t i = 0; i + 1 < log.size(); ++i) {
    if (!log.line(i).starts_with("* What went wrong:")) continue;
    std::size_t at = log.next_filled(i + 1);
    if (at != kNone && log.line(at).starts_with("Execution failed for task")) at = log.next_filled(at + 1);
    while (at != kNone && trim(log.line(at)).starts_with("> Could not resolve all")) at = log.next_filled(at + 1);
    return at;
  }
  return kNone;
}

// A bundler's `ERROR in ./src/a.js 3:0-30` only says where.
std::size_t below_place(const CauseReader& log) {
  for (std::size_t i = 0; i + 1 < log.size(); ++i)
    if (log.line(i).starts_with("ERROR in ") && log.mark(i + 1) != Mark::Blank) return i + 1;
  return kNone;
}

// `Failure/Error: expect(total).to eq(3)` quotes the test; what it found stands below.
std::size_t below_expectation(const CauseReader& log) {
  for (std::size_t i = 0; i + 1 < log.size(); ++i) {
    if (!trim_left(log.line(i)).starts_with("Failure/Error: ")) continue;
    for (std::size_t at = i + 1; at + 1 < log.size() && at - i <= kMessageLinesMax; ++at)
      if (log.mark(at) == Mark::Blank) return log.next_filled(at);
  }
  return kNone;
}

// Banners and headings of sections: `=== ERRORS ===`, `___ ERROR collecting tests/test_a.py ___`.
bool is_heading(std::string_view line) { return line.starts_with("====") || line.starts_with("____") || line.starts_with("_ ") || line.starts_with("!!!!") || contains(line, "COMPILATION ERROR"); }

bool is_aside(std::string_view line) { return is_small_talk(line) || is_verdict(line) || is_heading(line); }

// pytest could not even read the file: why stands below the heading.
std::size_t below_collecting(const CauseReader& log) {
  for (std::size_t i = 0; i + 1 < log.size(); ++i)
    if (log.line(i).starts_with('_') && (contains(log.line(i), " ERROR collecting ") || contains(log.line(i), " ERROR at setup of "))) return log.next_filled(i + 1);
  return kNone;
}

}  // namespace

std::optional<Cause> complaint(const CauseReader& log) {
  if (log.has(Mark::Typed)) return log.cause(Family::General, node_head(log));
  for (std::size_t i = 0; i < log.size(); ++i) {
    const auto located = log.mark(i) == Mark::Blank ? std::string_view() : located_complaint(log.line(i));
    if (!located.empty() && !located.starts_with("0x")) return log.cause(Family::General, i, located);
  }
  for (const auto below : {below_collecting, below_heading, below_place, below_expectation})
    if (const std::size_t told = below(log); told != kNone) return log.cause(Family::General, told);
  for (const auto tells : {sounds_bad, hints_at_fault})
    for (std::size_t i = 0; i < log.size(); ++i)
      if (log.mark(i) != Mark::Blank && !is_aside(log.line(i)) && tells(log.line(i).substr(0, 400))) return log.cause(Family::General, i);
  return std::nullopt;
}

Cause general_cause(const CauseReader& log) {
  if (auto found = complaint(log)) return *found;
  std::size_t last = log.next_filled(0), speaks = kNone;
  for (std::size_t i = last; i < log.size(); ++i)
    if (log.mark(i) != Mark::Blank && !is_aside(log.line(i))) last = contains(log.line(i), ": ") ? speaks = i : i;
  if (speaks != kNone) last = speaks;  // `program: message`
  return log.cause(Family::General, last == kNone ? 0 : last);
}

}  // namespace swarm::analyst::domain
