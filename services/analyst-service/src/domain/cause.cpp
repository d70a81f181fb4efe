#include "domain/cause_reader.hpp"

#include <string>

#include "domain/kind_words.hpp"

namespace swarm::analyst::domain {

namespace {

// `Unable to find an element with the text: Total 3. This could be …`: what the page should have shown.
std::string_view wanted_text(std::string_view head) {
  if (!head.starts_with("TestingLibraryElementError: ")) return {};
  const std::size_t colon = head.find(": ", head.find(": ") + 2);
  if (colon == std::string_view::npos) return {};
  const auto rest = head.substr(colon + 2);
  return rest.substr(0, rest.find(". This could be"));
}

Cause jest_cause(const CauseReader& log) {
  const std::size_t bullet = log.first(Mark::JestBullet);
  std::size_t head = log.next_filled(bullet + 1);
  if (head == kNone) head = bullet;
  Cause found = log.cause(Family::Jest, head);
  if (found.head.starts_with("Jest encountered an unexpected token")) {
    for (std::size_t i = head; i < log.size(); ++i)
      if (contains(log.line(i), "SyntaxError:")) found.detail = trim(log.line(i));
  }
  found.subject = wanted_text(found.head);
  return found;
}

// Words of small letters between blanks.
std::size_t plain_words(std::string_view text) {
  std::size_t words = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const auto word = text.substr(at, end - at);
    if (word.size() > 1 && std::all_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; })) ++words;
    at = end + 1;
  }
  return words;
}

// `QuotaPanelError: could not reach the depot` after a line that raises it: a type of the project's own, and its name no
// more telling than that of a variable, as long as the message says what is wrong. The part before `Error`; else empty.
std::string_view own_type(std::string_view head, std::string_view raising, std::string_view keyword) {
  raising = trim(raising);
  if (raising.starts_with('>')) raising = trim(raising.substr(1));
  if (!raising.starts_with(keyword)) return {};
  const std::size_t colon = head.find(": ");
  if (colon == std::string_view::npos) return {};
  const auto type = head.substr(head.find_last_of(". ", colon) + 1, colon - head.find_last_of(". ", colon) - 1);
  const auto raised = raising.substr(keyword.size(), raising.find('(') - keyword.size());
  if (type.empty() || raised.substr(raised.find_last_of('.') + 1) != type || is_kind_word(type)) return {};
  if (plain_words(head.substr(colon + 2)) == 0) return {};
  for (const std::string_view ending : {"Error", "Exception", "Warning"}) {
    if (!type.ends_with(ending) || type.size() == ending.size()) continue;
    return type.substr(0, type.size() - ending.size());
  }
  return names_fault(type) ? std::string_view() : type;
}

// Without the module that it stands in, which is as much the project's own.
void find_own_type(Cause& found, std::string_view raising, std::string_view keyword) {
  found.subject = own_type(found.head, raising, keyword);
  if (!found.subject.empty()) found.head.remove_prefix(static_cast<std::size_t>(found.subject.data() - found.head.data()));
}

std::string_view pytest_text(std::string_view line) { return trim(line.substr(1)); }

// The first failing test speaks. Its E lines come in blocks, one per exception of the chain.
Cause pytest_cause(const CauseReader& log) {
  const std::size_t root = log.first(Mark::PytestError);
  std::size_t head = root;
  for (std::size_t chain = log.next(Mark::PyChain, root); chain != kNone; chain = log.next(Mark::PyChain, chain + 1)) {
    const std::size_t outer = log.next(Mark::PytestError, chain);
    if (outer == kNone) break;
    head = outer;
  }
  Cause found = log.cause(Family::Pytest, head, pytest_text(log.line(head)));
  if (head != root) found.root = pytest_text(log.line(root));
  for (std::size_t i = head; i-- > 0 && head - i <= kMessageLinesMax;) {
    if (!log.line(i).starts_with('>')) continue;
    find_own_type(found, log.line(i), "raise ");
    break;
  }
  return found;
}

// The line that ends the traceback after frame `frame`: the first one that is neither frame nor source.
std::size_t exception_line(const CauseReader& log, std::size_t frame) {
  for (std::size_t i = frame + 1; i < log.size(); ++i) {
    const Mark m = log.mark(i);
    if (m == Mark::PyTraceback || m == Mark::PyChain) return kNone;
    if (m == Mark::Blank || m == Mark::PyFrame || is_blank(log.line(i).front())) continue;
    return i;
  }
  return kNone;
}

// The last frame before the line that ends the traceback.
std::size_t last_frame(const CauseReader& log, std::size_t frame, std::size_t end) {
  for (std::size_t i = end; i-- > frame;)
    if (log.mark(i) == Mark::PyFrame) return i;
  return frame;
}

Cause python_cause(const CauseReader& log) {
  std::size_t root = kNone, head = kNone, raised = kNone;
  bool chained = false;
  for (std::size_t frame = log.first(Mark::PyFrame); frame != kNone;) {
    const std::size_t end = exception_line(log, frame);
    if (end == kNone) {
      frame = log.next(Mark::PyFrame, frame + 1);
      continue;
    }
    if (root == kNone || !chained) root = end;
    head = end;
    raised = last_frame(log, frame, end);
    const std::size_t following = log.next(Mark::PyFrame, end);
    const std::size_t chain = log.next(Mark::PyChain, end);
    chained = chain != kNone && following != kNone && chain < following;
    frame = following;
  }
  if (head == kNone) {
    // Cut off before its end: the last line that is left has to do.
    head = log.has(Mark::Typed) ? log.first(Mark::Typed) : log.size() - 1;
    return log.cause(Family::Python, head);
  }
  Cause found = log.cause(Family::Python, head);
  find_own_type(found, log.line(raised + 1), "raise ");
  if (root != head) found.root = trim(log.line(root));
  return found;
}

Cause panic_cause(const CauseReader& log) {
  const std::size_t at = log.first(Mark::RustPanic);
  const auto line = log.line(at);
  const auto rest = after(line, "panicked at ");
  if (rest.starts_with('\'')) {  // before Rust 1.73 the message stood on the same line
    const std::size_t close = rest.rfind("', ");
    return log.cause(Family::RustPanic, at, rest.substr(1, close == std::string_view::npos ? close : close - 1));
  }
  const std::size_t message = log.next_filled(at + 1);
  return log.cause(Family::RustPanic, message == kNone ? at : message);
}

bool is_summary(std::string_view line) {
  for (const std::string_view opening :
       {"error: aborting due to", "error: could not compile", "error: test failed", "error: process didn't exit",
        "error: build failed", "error: Recipe "})
    if (line.starts_with(opening)) return true;
  return false;
}

std::size_t first_telling_error(const CauseReader& log) {
  std::size_t at = log.first(Mark::RustError);
  while (at != kNone && is_summary(log.line(at))) at = log.next(Mark::RustError, at + 1);
  return at;
}

Cause rust_cause(const CauseReader& log, std::size_t at) {
  Cause found = log.cause(Family::Rustc, at);
  // Cargo tells the reason at the end of its own chain.
  for (std::size_t i = at + 1; i + 1 < log.size(); ++i)
    if (log.line(i) == "Caused by:") found.detail = trim(log.line(i + 1));
  return found;
}

bool is_warning(std::string_view line) {
  const std::size_t colon = line.find(':');
  return colon != std::string_view::npos && line.substr(0, colon).ends_with("Warning");
}

// The line that heads a block of frames, before the message's further lines.
std::size_t head_of_frames(const CauseReader& log, std::size_t frame) {
  for (std::size_t i = frame; i-- > 0 && frame - i <= kMessageLinesMax;)
    if (log.mark(i) == Mark::Typed) return i;
  return kNone;
}

}  // namespace

std::size_t node_head(const CauseReader& log) {
  std::size_t warning = kNone;
  for (std::size_t i = log.first(Mark::Typed); i != kNone; i = log.next(Mark::Typed, i + 1)) {
    if (!is_warning(log.line(i))) return i;
    if (warning == kNone) warning = i;
  }
  if (warning != kNone) return warning;
  if (log.has(Mark::NodeFrame)) {
    const std::size_t frame = log.first(Mark::NodeFrame);
    const std::size_t head = head_of_frames(log, frame);
    if (head != kNone) return head;
    if (frame > 0) return frame - 1;
  }
  return kNone;
}

namespace {

// Neither a frame, nor source, nor a caret line.
std::size_t last_plain_line(const CauseReader& log, std::size_t before) {
  for (std::size_t i = std::min(before, log.size()); i-- > 0;) {
    const auto line = log.line(i);
    if (log.mark(i) == Mark::Other && !is_blank(line.front()) && is_word(line.front())) return i;
  }
  return kNone;
}

Cause eslint_cause(const CauseReader& log) {
  const std::size_t row = log.first(Mark::EslintRow);
  return log.cause(Family::Eslint, row, after(log.line(row), " error "));
}

// `… is missing the following properties from type 'Order': id, total, and 3 more.`: the list of them.
std::string_view missing_properties(std::string_view head) {
  if (!contains(head, "is missing the following properties")) return {};
  const std::size_t colon = head.rfind("': ");
  return colon == std::string_view::npos ? std::string_view() : head.substr(colon + 3);
}

std::string_view npm_text(std::string_view line) { return line.substr(std::min<std::size_t>(line.size(), line[4] == 'E' ? 9 : 10)); }

// The code, and the first line that says something about it.
Cause npm_cause(const CauseReader& log) {
  std::size_t code = kNone;
  for (std::size_t i = log.first(Mark::NpmError); i != kNone; i = log.next(Mark::NpmError, i + 1)) {
    const auto text = npm_text(log.line(i));
    if (text.starts_with("code ")) {
      if (code == kNone) code = i;
      continue;
    }
    const bool says = !text.empty() && !text.starts_with("errno ") && !text.starts_with("syscall ") &&
                      !text.starts_with("path ") && !text.starts_with("A complete log");
    if (!says) continue;
    Cause found = log.cause(Family::Npm, i, text);
    if (code != kNone) found.detail = trim(npm_text(log.line(code)));
    return found;
  }
  return log.cause(Family::Npm, log.first(Mark::NpmError), npm_text(log.line(log.first(Mark::NpmError))));
}

// What the engine says at start and at exit on any machine without a display or a locale.
bool is_engine_noise(std::string_view text) {
  for (const std::string_view part : {"make_dir_recursive:", "nvalid locale", "Unsupported locale", "still in use at exit",
                                      "leaked at exit", "reload: Method failed"})
    if (contains(text, part)) return true;
  return false;
}

// Godot 3 puts the function before the message: `fetch_profile: Division By Zero`.
std::string_view without_function(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && (is_word(text[at]) || text[at] == ':' || text[at] == '.' || text[at] == '~')) {
    if (text[at] == ':' && at + 1 < text.size() && text[at + 1] == ' ') return text.substr(at + 2);
    ++at;
  }
  return text;
}

Cause godot_cause(const CauseReader& log) {
  std::size_t at = log.first(Mark::GodotScript);
  if (at == kNone) {
    at = log.first(Mark::GodotError);
    while (at != kNone && is_engine_noise(log.line(at))) at = log.next(Mark::GodotError, at + 1);
    if (at == kNone) at = log.first(Mark::GodotError);
  }
  return log.cause(Family::Godot, at, without_function(after(log.line(at), "ERROR: ")));
}

Cause java_cause(const CauseReader& log) {
  const std::size_t top = log.has(Mark::JavaThread) ? log.first(Mark::JavaThread) : node_head(log);
  if (top == kNone) {
    std::size_t at = log.first(Mark::JavaFrame);
    while (at > 0 && log.mark(at - 1) == Mark::Blank) --at;
    return log.cause(Family::Java, at > 0 ? at - 1 : log.first(Mark::JavaFrame));
  }
  auto head = log.line(top);
  if (log.mark(top) == Mark::JavaThread) {
    const std::size_t quote = head.find("\" ");
    if (quote != std::string_view::npos) head.remove_prefix(quote + 2);
  }
  Cause found = log.cause(Family::Java, top, head);
  // What the runtime and libraries throw has a package.
  if (head.find('.') > head.find(':')) find_own_type(found, "throw new " + std::string(head.substr(0, head.find(':'))) + "(", "throw new ");
  for (std::size_t i = log.first(Mark::JavaCause); i != kNone; i = log.next(Mark::JavaCause, i + 1))
    found.root = trim(log.line(i).substr(11));
  return found;
}

bool is_rust(const CauseReader& log, std::size_t error, std::string_view stack) {
  return stack == "rust" || log.line(error).starts_with("error[E") || log.has(Mark::RustArrow);
}

}  // namespace

Cause find_cause(std::span<const std::string_view> lines, std::span<const Mark> marks, std::string_view stack) {
  const CauseReader log(lines, marks);
  if (log.next_filled(0) == kNone) return {};
  if (log.has(Mark::JestBullet)) return jest_cause(log);
  if (log.has(Mark::PytestError)) return pytest_cause(log);
  if (log.has(Mark::PyFrame) || log.has(Mark::PyTraceback)) return python_cause(log);
  if (log.has(Mark::RustPanic)) return panic_cause(log);
  if (log.has(Mark::RustOverflow)) return log.cause(Family::RustPanic, log.first(Mark::RustOverflow), "stack overflow");
  if (log.has(Mark::TsError)) {
    const std::size_t at = log.first(Mark::TsError);
    Cause found = log.cause(Family::TypeScript, at, after(log.line(at), "error "));
    found.subject = missing_properties(found.head);
    return found;
  }
  if (log.has(Mark::GodotScript) || (log.has(Mark::GodotError) && log.has(Mark::GodotAt))) return godot_cause(log);
  const std::size_t rust = first_telling_error(log);
  if (rust != kNone && is_rust(log, rust, stack)) return rust_cause(log, rust);
  if (log.has(Mark::JavaThread) || log.has(Mark::JavaFrame)) return java_cause(log);
  if (log.has(Mark::Goroutine) && log.has(Mark::GoPanic)) return log.cause(Family::Go, log.first(Mark::GoPanic));
  if (log.has(Mark::NodeFrame) || log.has(Mark::NodeVersion)) {
    std::size_t head = node_head(log);
    if (head == kNone) head = last_plain_line(log, log.first(Mark::NodeVersion));
    if (head != kNone) {
      Cause found = log.cause(Family::Node, head);
      if (found.head.starts_with("Uncaught ")) found.head.remove_prefix(9);
      for (std::size_t i = head; i-- > 0 && found.subject.empty();) find_own_type(found, log.line(i), "throw new ");
      return found;
    }
  }
  if (log.has(Mark::GoTestFail)) return go_test_cause(log);
  if (log.has(Mark::EslintRow)) return eslint_cause(log);
  if (log.has(Mark::GoVet)) return log.cause(Family::Go, log.first(Mark::GoVet), located_message(log.line(log.first(Mark::GoVet))));
  if (log.has(Mark::NpmError)) return npm_cause(log);
  return tool_cause(log);
}

}  // namespace swarm::analyst::domain
