#include "domain/frames.hpp"

#include <algorithm>

#include "domain/masking.hpp"
#include "domain/text_class.hpp"

namespace swarm::analyst::domain {

namespace {

struct Frame {
  std::string_view file;
  std::string_view function;
};

// A folder that a package manager or a runtime fills.
bool is_library_part(std::string_view part) {
  if (part.empty()) return false;
  switch (part.front()) {
    case 'n': return part.starts_with("node_modules/");
    case 's': return part.starts_with("site-packages/");
    case 'd': return part.starts_with("dist-packages/");
    case 'l': return part.starts_with("lib/python3");
    case '.': return part.starts_with(".cargo/registry/");
    case 'g': return part.starts_with("go/pkg/mod/");
    case 'r': return part.starts_with("rustlib/");
    default: return false;
  }
}

bool is_library(std::string_view file) {
  if (file.starts_with("node:") || file.starts_with('<') || file.starts_with("/usr/") || file.starts_with("/rustc/"))
    return true;
  if (is_library_part(file)) return true;
  for (std::size_t at = 0; at < file.size(); ++at)
    if (file[at] == '/' && is_library_part(file.substr(at + 1))) return true;
  return false;
}

// `path:12:5` without its numbers.
std::string_view without_position(std::string_view place) {
  for (int part = 0; part < 2; ++part) {
    std::size_t end = place.size();
    while (end > 0 && is_digit(place[end - 1])) --end;
    if (end == place.size() || end == 0 || place[end - 1] != ':') break;
    place = place.substr(0, end - 1);
  }
  return place;
}

// Blanks after the opening may have been all there was.
std::string_view without_opening(std::string_view line, std::size_t size) {
  const auto text = trim(line);
  return text.substr(std::min(size, text.size()));
}

// `  File "src/a.py", line 3, in load`
Frame python_frame(std::string_view line) {
  const std::size_t open = line.find('"');
  const std::size_t close = line.find('"', open + 1);
  if (close == std::string_view::npos) return {};
  const std::size_t in = line.find(", in ", close);
  return {line.substr(open + 1, close - open - 1), in == std::string_view::npos ? std::string_view() : trim(line.substr(in + 5))};
}

// `    at load (/src/a.js:3:5)`, `    at /src/a.js:3:5`, `   at ./src/main.rs:3:5`
Frame at_frame(std::string_view line) {
  auto text = without_opening(line, 3);
  if (text.starts_with("async ")) text.remove_prefix(6);
  const std::size_t open = text.find('(');
  if (open == std::string_view::npos || !text.ends_with(')')) {
    const bool placed = contains(text, ":");
    return {placed ? without_position(text) : std::string_view(), placed ? std::string_view() : text};
  }
  return {without_position(text.substr(open + 1, text.size() - open - 2)), trim(text.substr(0, open))};
}

// `   At: res://a.gd:3.` (Godot 3), `   at: load (res://a.gd:3)` (Godot 4)
Frame godot_frame(std::string_view line) {
  auto text = without_opening(line, 4);
  if (text.ends_with('.')) text.remove_suffix(1);
  const std::size_t open = text.rfind('(');
  if (open != std::string_view::npos && text.ends_with(')'))
    return {without_position(text.substr(open + 1, text.size() - open - 2)), trim(text.substr(0, open))};
  return {without_position(text), {}};
}

// `tests/test_a.py:33: AssertionError`
bool is_pytest_location(std::string_view line) {
  const std::size_t colon = line.find(".py:");
  return colon != std::string_view::npos && colon + 4 < line.size() && is_digit(line[colon + 4]) && colon < 200 &&
         line.substr(0, colon).find(' ') == std::string_view::npos;
}

// `____ test_load ____`
std::string_view test_name(std::string_view banner) {
  const std::size_t begin = banner.find(' ');
  if (begin == std::string_view::npos) return {};
  const auto rest = banner.substr(begin + 1);
  return rest.substr(0, rest.find(" _"));
}

class Collector {
 public:
  // A frame of the project's own code or of a library's; the last one may have raised the fault.
  void add(const Frame& frame) {
    look_at(frame.file);
    if (library_) place_.raiser = frame.function;
    else add_own(frame.function);
  }
  // A frame that counts when it is the project's own.
  void add_if_own(const Frame& frame) {
    if (frame.file.empty() && frame.function.empty()) return;
    look_at(frame.file);
    if (!library_) add_own(frame.function);
  }
  void add_own(const Frame& frame) {
    file_ = frame.file;
    stable_ = stable_path(frame.file);
    library_ = false;
    add_own(frame.function);
    file_ = stable_ = {};  // whether it is a library's was not asked
  }
  Place place() const { return place_; }

 private:
  // Frames of one file come in a row.
  void look_at(std::string_view file) {
    if (file == file_) return;
    file_ = file;
    library_ = is_library(file);
    if (!library_) stable_ = stable_path(file);
  }
  void add_own(std::string_view function) {
    place_.raiser = {};
    const auto file = stable_;
    if (file == last_.file && function == last_.function) return;
    last_ = {file, function};
    place_.frames.add(file).add(function);
    if (!function.empty()) ++place_.functions;
    if (!file.empty()) ++place_.files;
  }

  Place place_;
  Frame last_;
  std::string_view file_;    // looked at last
  std::string_view stable_;
  bool library_ = false;
};

}  // namespace

Place find_place(std::span<const std::string_view> lines, std::span<const Mark> marks) {
  Collector frames;
  const bool pytest = std::find(marks.begin(), marks.end(), Mark::PytestError) != marks.end();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto line = lines[i];
    switch (marks[i]) {
      case Mark::PyFrame: frames.add(python_frame(line)); break;
      case Mark::NodeFrame:
      case Mark::JavaFrame: frames.add_if_own(at_frame(line)); break;
      case Mark::GodotAt: {
        const auto frame = godot_frame(line);
        if (frame.file.starts_with("res://")) frames.add_own(frame);
        break;
      }
      case Mark::GodotScript: {
        const auto text = line.substr(line.find("ERROR: ") + 7);
        const std::size_t colon = text.find(": ");
        if (colon != std::string_view::npos && text.substr(0, colon).find(' ') == std::string_view::npos)
          frames.add_own(Frame{{}, text.substr(0, colon)});
        break;
      }
      case Mark::RustArrow: {
        const auto text = without_opening(line, 4);
        frames.add_own(Frame{without_position(text), {}});
        break;
      }
      case Mark::RustPanic: {
        const std::size_t at = line.find("panicked at ");
        auto text = line.substr(at + 12);
        if (text.ends_with(':')) text.remove_suffix(1);
        if (!text.starts_with('\'')) frames.add_own(Frame{without_position(text), {}});
        break;
      }
      case Mark::TsError:
      case Mark::Diagnostic:
      case Mark::GoVet: {
        auto text = line.substr(0, line.find(' '));
        if (text.ends_with(':')) text.remove_suffix(1);
        const std::size_t paren = text.find('(');
        frames.add_own(Frame{without_position(text.substr(0, paren)), {}});
        break;
      }
      case Mark::Other:
        if (!pytest) break;
        if (line.starts_with("____")) {
          frames.add_own(Frame{{}, test_name(line)});
        } else if (is_pytest_location(line)) {
          frames.add_own(Frame{line.substr(0, line.find(".py:") + 3), {}});
        }
        break;
      default: break;
    }
  }
  return frames.place();
}

}  // namespace swarm::analyst::domain
