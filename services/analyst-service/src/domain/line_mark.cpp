#include "domain/cause.hpp"

#include <algorithm>
#include <iterator>

#include "domain/text_class.hpp"

namespace swarm::analyst::domain {

namespace {

// `12:5  error  'x' is not defined  no-undef`
bool is_eslint_row(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && is_digit(text[at])) ++at;
  if (at == 0 || at >= text.size() || text[at] != ':') return false;
  const std::size_t column = ++at;
  while (at < text.size() && is_digit(text[at])) ++at;
  return at > column && trim_left(text.substr(at)).starts_with("error ");
}

Mark mark_indented(std::string_view line, std::string_view text) {
  switch (text.front()) {
    case 'a':
      if (text.starts_with("at ")) return line.front() == '\t' ? Mark::JavaFrame : Mark::NodeFrame;
      return text.starts_with("at: ") ? Mark::GodotAt : Mark::Other;
    case 'A': return text.starts_with("At: ") ? Mark::GodotAt : Mark::Other;
    case 'F': return text.starts_with("File \"") ? Mark::PyFrame : Mark::Other;
    case '-': return text.starts_with("--> ") ? Mark::RustArrow : Mark::Other;
    case 'u': return contains(text, "undefined reference to") ? Mark::LinkError : Mark::Other;
    case '\xe2': return text.starts_with("\xe2\x97\x8f ") ? Mark::JestBullet : Mark::Other;
    case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
      return is_eslint_row(text) ? Mark::EslintRow : Mark::Other;
    default: return Mark::Other;
  }
}

// The few lines that are known by their first words. Other when it isn't one of them.
Mark mark_by_opening(std::string_view line) {
  switch (line.front()) {
    case 'C':
      if (line.starts_with("Caused by: ")) return Mark::JavaCause;
      if (line.starts_with("CMake Error")) return Mark::BuildError;
      return line.starts_with("CONFLICT (") ? Mark::GitError : Mark::Other;
    case 'D': return line.starts_with("During handling of the above exception") ? Mark::PyChain : Mark::Other;
    case 'E':
      if (line.starts_with("E   ")) return Mark::PytestError;
      if (line.starts_with("Exception in thread ")) return Mark::JavaThread;
      return line.starts_with("ERROR: ") ? Mark::GodotError : Mark::Other;
    case 'F': return line.starts_with("File \"") ? Mark::PyFrame : Mark::Other;
    case 'N': return line.starts_with("Node.js v") ? Mark::NodeVersion : Mark::Other;
    case 'S': return line.starts_with("SCRIPT ERROR: ") ? Mark::GodotScript : Mark::Other;
    case 'T':
      if (line.starts_with("Traceback (most recent call last)")) return Mark::PyTraceback;
      return line.starts_with("The above exception was the direct cause") ? Mark::PyChain : Mark::Other;
    case 'U': return line.starts_with("USER ") && contains(line.substr(0, 24), "ERROR: ") ? Mark::GodotScript : Mark::Other;
    case 'e':
      if (line.starts_with("error[") || line.starts_with("error: ")) return Mark::RustError;
      return Mark::Other;
    case 'f': return line.starts_with("fatal: ") ? Mark::GitError
                   : line.starts_with("fatal error: ") ? Mark::GoPanic : Mark::Other;
    case 'g':
      if (line.starts_with("goroutine ")) return Mark::Goroutine;
      return line.starts_with("go: ") || line.starts_with("gmake") ? Mark::BuildError : Mark::Other;
    case 'm': return line.starts_with("make: *** ") || (line.starts_with("make[") && contains(line, "]: *** "))
                         ? Mark::BuildError : Mark::Other;
    case 'n':
      if (line.starts_with("npm error ") || line.starts_with("npm ERR! ")) return Mark::NpmError;
      return line.starts_with("ninja: ") ? Mark::BuildError : Mark::Other;
    case 'p': return line.starts_with("panic: ") ? Mark::GoPanic : Mark::Other;
    case 't':
      if (!line.starts_with("thread '")) return Mark::Other;
      if (contains(line, "has overflowed its stack")) return Mark::RustOverflow;
      return contains(line, "panicked at ") ? Mark::RustPanic : Mark::Other;
    case '=': return line.starts_with("=====") ? Mark::PytestBanner : Mark::Other;
    case '-': return line.starts_with("--- FAIL: ") ? Mark::GoTestFail
                   : line.starts_with("--> ") ? Mark::RustArrow : Mark::Other;
    case '\xe2': return line.starts_with("\xe2\x97\x8f ") ? Mark::JestBullet : Mark::Other;
    default: return Mark::Other;
  }
}

// `TypeError: …`, `Error [ERR_X]: …`, `json.decoder.JSONDecodeError: …`, `Uncaught Error: …`
bool is_typed(std::string_view line) {
  if (line.starts_with("Uncaught ")) line.remove_prefix(9);
  std::size_t end = 0, part = 0;
  while (end < line.size() && (is_word(line[end]) || line[end] == '.')) {
    if (line[end] == '.') part = end + 1;
    ++end;
  }
  if (!names_fault(line.substr(part, end - part))) return false;
  return end == line.size() || line[end] == ':' || line.substr(end).starts_with(" [");
}

bool is_shell_error(std::string_view line) {
  return !shell_complaint(line).empty() || line.ends_with("(core dumped)") || line.starts_with("zsh: ") ||
         contains(line.substr(0, 200), ": syntax error");
}

// `program: message`
Mark mark_program(std::string_view place, std::string_view rest, std::string_view line) {
  if ((place.ends_with("ld:") || contains(place, ".o:")) &&
      (contains(rest, "undefined reference to") || contains(rest, "multiple definition of"))) return Mark::LinkError;
  return is_shell_error(line) ? Mark::ShellError : Mark::Other;
}

// `path:12:5: error: …` and its relatives.
Mark mark_located(std::string_view line) {
  const std::size_t blank = line.substr(0, 512).find(' ');
  if (blank == std::string_view::npos || blank < 3) return Mark::Other;
  const auto place = line.substr(0, blank);
  const auto rest = line.substr(blank + 1);
  const char last = place.back();
  if (last != ':' && !is_digit(last)) return Mark::Other;
  if (last == ':' && !is_digit(place[place.size() - 2]) && place[place.size() - 2] != ')') return mark_program(place, rest, line);
  if (rest.starts_with("error TS") || rest.starts_with("- error TS")) return Mark::TsError;
  if (place.find(':') == std::string_view::npos) return Mark::Other;
  if (contains(place, ".go:")) return Mark::GoVet;
  if (rest.starts_with("error: ld returned")) return Mark::Other;  // sums up what the linker said
  if (rest.starts_with("error: ") || rest.starts_with("fatal error: ")) return Mark::Diagnostic;
  return contains(rest, "undefined reference to") || contains(rest, "multiple definition of") ? Mark::LinkError : Mark::Other;
}

}  // namespace

std::string_view name(Mark mark) {
  constexpr std::string_view names[] = {
      "other", "blank", "python traceback", "python frame", "python chain", "pytest error", "pytest banner",
      "rust error", "rust location", "rust panic", "rust stack overflow", "typescript error", "frame", "node version",
      "jest test", "eslint row", "npm error", "godot script error", "godot error", "godot location", "go panic",
      "goroutine", "go test", "go location", "java frame", "java thread", "java cause", "diagnostic", "link error",
      "git error", "shell error", "build error", "typed error"};
  static_assert(std::size(names) == static_cast<std::size_t>(Mark::Typed) + 1);
  return names[static_cast<std::size_t>(mark)];
}

std::string_view shell_complaint(std::string_view line) {
  // What shells say themselves, and the system's own words for what its calls refuse.
  for (const std::string_view complaint :
       {": command not found", ": not found", ": No such file or directory", ": Permission denied", ": Is a directory", ": Not a directory",
        ": unbound variable", ": readonly variable", ": integer expression expected", ": ambiguous redirect", ": bad array subscript",
        ": too many arguments", ": cannot execute binary file: Exec format error", ": Operation not permitted", ": File exists",
        ": Directory not empty", ": Text file busy", ": No space left on device", ": Read-only file system", ": Argument list too long",
        ": Too many open files", ": Device or resource busy", ": Invalid argument", ": Input/output error", ": Invalid cross-device link",
        ": Too many levels of symbolic links", ": File name too long", ": Cannot allocate memory", ": Broken pipe", ": Connection refused"})
    if (line.ends_with(complaint)) return complaint;
  return {};
}

Mark mark(std::string_view line) {
  if (line.empty()) return Mark::Blank;
  if (is_blank(line.front())) {
    const auto text = trim_left(line);
    return text.empty() ? Mark::Blank : mark_indented(line, text);
  }
  const Mark known = mark_by_opening(line);
  if (known != Mark::Other) return known;
  if (is_letter(line.front()) && is_typed(line)) return Mark::Typed;
  return mark_located(line);
}

}  // namespace swarm::analyst::domain
