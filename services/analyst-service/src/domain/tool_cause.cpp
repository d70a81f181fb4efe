#include "domain/cause_reader.hpp"

namespace swarm::analyst::domain {

namespace {

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

// `cat: parcel: Is a directory`, `ls: cannot access parcel: No such file or directory`: the word before the complaint.
// Quotes tell by themselves what they hold.
std::string_view shell_subject(std::string_view head) {
  const auto complaint = shell_complaint(head);
  if (complaint.empty()) return {};
  head.remove_suffix(complaint.size());
  const std::size_t colon = head.rfind(": ");
  if (colon != std::string_view::npos) head.remove_prefix(colon + 2);
  if (head.ends_with('\'') || head.ends_with('"')) return {};
  return head.substr(head.rfind(' ') + 1);
}

Cause shell_cause(const CauseReader& log) {
  const std::size_t at = log.first(Mark::ShellError);
  if (is_verdict(log.line(at))) {  // the shell only counts the dead
    if (auto told = complaint(log)) return *told;
  }
  Cause found = log.cause(Family::Shell, at);
  found.subject = shell_subject(found.head);
  return found;
}

// CMake names the place first and says what is wrong below.
Cause build_cause(const CauseReader& log) {
  std::size_t at = log.first(Mark::BuildError);
  while (at != kNone && is_verdict(log.line(at))) at = log.next(Mark::BuildError, at + 1);
  if (at == kNone) {  // the tool that it ran may have said why
    if (auto told = complaint(log)) return *told;
    const Cause spoken = general_cause(log);
    if (contains(spoken.head, ": ") && !is_verdict(spoken.head)) return spoken;
    at = log.first(Mark::BuildError);
  }
  Cause found = log.cause(Family::Build, at);
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
