#include "domain/cause_reader.hpp"

namespace swarm::analyst::domain {

namespace {

bool sounds_bad(std::string_view line) {
  for (const std::string_view word : {"rror", "ailed", "atal:", "atal ", "annot", "an't", "xception", "nable to", "enied", "nvalid",
                                      "not found", "issing", "refused", "imeout", "timed out", "nrecognized", "nknown ", "No such",
                                      "ould not", "ouldn't", "oesn't", "llegal", "ERROR", "FATAL", "panic:"})
    if (contains(line, word)) return true;
  return false;
}

// A runner's echo of the command, and what a program says to everybody.
bool is_small_talk(std::string_view line) {
  return line.starts_with("> ") || line.starts_with("+ ") || line.starts_with("Try ") || line.starts_with("Usage:") || line.starts_with("usage:");
}

// What closes a run and only says that it failed.
bool is_verdict(std::string_view line) {
  for (const std::string_view opening : {"FAILURE: Build failed", "BUILD FAIL", "Build FAILED", "Execution failed for task", "> Compilation error. See log"})
    if (line.starts_with(opening)) return true;
  return (line.starts_with("Found ") && contains(line, " error")) || line.starts_with("Your code has been rated");
}

// Without its numbers; empty when it isn't a place in a file.
std::string_view file_of_place(std::string_view place) {
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
  if (is_blank(line.front())) return {};
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

Cause general_cause(const CauseReader& log) {
  if (log.has(Mark::Typed)) return log.cause(Family::General, node_head(log));
  for (std::size_t i = 0; i < log.size(); ++i) {
    const auto complaint = log.mark(i) == Mark::Blank ? std::string_view() : located_complaint(log.line(i));
    if (!complaint.empty() && !complaint.starts_with("0x")) return log.cause(Family::General, i, complaint);
  }
  if (const std::size_t told = below_heading(log); told != kNone) return log.cause(Family::General, told);
  if (const std::size_t told = below_place(log); told != kNone) return log.cause(Family::General, told);
  if (const std::size_t told = below_expectation(log); told != kNone) return log.cause(Family::General, told);
  std::size_t last = kNone;
  for (std::size_t i = 0; i < log.size(); ++i) {
    if (log.mark(i) == Mark::Blank || (last != kNone && (is_small_talk(log.line(i)) || is_verdict(log.line(i))))) continue;
    if (!is_small_talk(log.line(i)) && !is_verdict(log.line(i)) && sounds_bad(log.line(i).substr(0, 400))) return log.cause(Family::General, i);
    last = i;
  }
  return log.cause(Family::General, last == kNone ? 0 : last);
}

// Assertion libraries put a table below the place: `Error:      	Not equal: `, and what came unexpected on the next line.
Cause table_cause(const CauseReader& log, std::size_t place) {
  for (std::size_t i = place + 1; i < log.size() && i - place <= kMessageLinesMax; ++i) {
    const auto text = trim(log.line(i));
    if (!text.starts_with("Error:")) continue;
    Cause found = log.cause(Family::Go, i, trim(text.substr(6)));
    if (found.head.ends_with("unexpected error:")) found.detail = trim(log.line(i + 1));
    return found;
  }
  return {};
}

}  // namespace

// `--- FAIL: TestLoad (0.00s)`, and below it `    load_test.go:12: got 3, want 5`
Cause go_test_cause(const CauseReader& log) {
  const std::size_t test = log.first(Mark::GoTestFail);
  for (std::size_t i = test + 1; i < log.size() && i - test <= kMessageLinesMax; ++i) {
    const auto text = trim(log.line(i));
    const std::size_t place = text.find("_test.go:");
    const std::size_t message = text.find(": ");
    if (place != std::string_view::npos && text.ends_with(':')) {
      const Cause found = table_cause(log, i);
      if (!found.head.empty()) return found;
    }
    if (place == std::string_view::npos || message == std::string_view::npos || text.substr(0, place).find(' ') != std::string_view::npos) continue;
    return log.cause(Family::Go, i, text.substr(message + 2));
  }
  return log.cause(Family::Go, test);
}

namespace {

// `cat: parcel: Is a directory`, `bash: line 3: parcel: command not found`: whatever stands before the complaint.
std::string_view shell_subject(std::string_view head) {
  for (const std::string_view tail : {": command not found", ": not found", ": No such file or directory", ": Permission denied",
                                      ": Is a directory", ": Not a directory", ": unbound variable", ": readonly variable",
                                      ": integer expression expected", ": ambiguous redirect"}) {
    if (!head.ends_with(tail)) continue;
    head.remove_suffix(tail.size());
    const std::size_t colon = head.rfind(": ");
    return colon == std::string_view::npos ? head : head.substr(colon + 2);
  }
  return {};
}

Cause shell_cause(const CauseReader& log) {
  Cause found = log.cause(Family::Shell, log.first(Mark::ShellError));
  found.subject = shell_subject(found.head);
  return found;
}

// CMake names the place first and says what is wrong below.
Cause build_cause(const CauseReader& log) {
  Cause found = log.cause(Family::Build, log.first(Mark::BuildError));
  const std::size_t below = log.next_filled(found.line + 1);
  // `CMake Error at CMakeLists.txt:3 (add_parcel):`: whose command it was says nothing of the fault.
  const std::size_t open = found.head.rfind(" (");
  if (open != std::string_view::npos && found.head.ends_with("):")) found.subject = found.head.substr(open + 2, found.head.size() - open - 4);
  if (found.head.ends_with(':') && below != kNone) found.detail = trim(log.line(below));
  return found;
}

// javac says only below the source what it looked for: `  symbol:   method publish()`. Up to the sort of symbol.
std::string_view sort_of_symbol(std::string_view line) {
  constexpr std::string_view kSymbol = "symbol:";
  line = trim(line);
  if (!line.starts_with(kSymbol)) return {};
  const std::size_t word = line.find_first_not_of(' ', kSymbol.size());
  return word == std::string_view::npos ? std::string_view() : line.substr(0, line.find(' ', word));
}

Cause diagnostic_cause(const CauseReader& log) {
  const std::size_t at = log.first(Mark::Diagnostic);
  Cause found = log.cause(Family::Compiler, at, located_message(log.line(at)));
  const std::size_t below = log.next_filled(at + 1);
  if (found.head.ends_with(']') && found.head.rfind(": [") != std::string_view::npos && below != kNone) found.detail = trim(log.line(below));
  for (std::size_t i = at + 1; i < log.size() && i - at <= kMessageLinesMax && log.mark(i) != Mark::Diagnostic && found.detail.empty(); ++i)
    found.detail = sort_of_symbol(log.line(i));
  return found;
}

// `! [rejected]  main -> main (fetch first)`: why the remote refused, in its last brackets.
std::string_view refusal(const CauseReader& log) {
  for (std::size_t i = 0; i < log.size(); ++i) {
    const auto text = trim(log.line(i));
    const std::size_t open = text.rfind('(');
    if (text.starts_with("! [") && text.ends_with(')') && open != std::string_view::npos) return text.substr(open);
  }
  return {};
}

Cause git_cause(const CauseReader& log) {
  const std::size_t at = log.first(Mark::GitError);
  // What ssh or the remote said before is why.
  if (log.line(at).starts_with("fatal: Could not read from remote") && at > 0 && log.mark(at - 1) != Mark::Blank)
    return log.cause(Family::Git, at - 1);
  return log.cause(Family::Git, at);
}

// `error: …` without a place in a file, as git and others say it.
Cause bare_error_cause(const CauseReader& log) {
  Cause found = log.cause(Family::General, log.first(Mark::RustError));
  if (found.head.starts_with("error: failed to push")) found.detail = refusal(log);
  return found;
}

}  // namespace

Cause tool_cause(const CauseReader& log) {
  if (log.has(Mark::Diagnostic)) return diagnostic_cause(log);
  if (log.has(Mark::LinkError)) {
    const std::size_t at = log.first(Mark::LinkError);
    const auto line = log.line(at);
    return log.cause(Family::Compiler, at, line.substr(std::min(line.find("undefined reference"), line.find("multiple definition"))));
  }
  if (log.has(Mark::GitError)) return git_cause(log);
  if (log.has(Mark::RustError)) return bare_error_cause(log);
  if (log.has(Mark::ShellError)) return shell_cause(log);
  if (log.has(Mark::BuildError)) return build_cause(log);
  return general_cause(log);
}

}  // namespace swarm::analyst::domain
