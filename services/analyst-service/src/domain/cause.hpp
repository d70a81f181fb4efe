#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "domain/family.hpp"

namespace swarm::analyst::domain {

/// What one line of a log is, as far as one can tell from it alone.
enum class Mark : std::uint8_t {
  Other, Blank,
  PyTraceback, PyFrame, PyChain, PytestError, PytestBanner,
  RustError, RustArrow, RustPanic, RustOverflow,
  TsError, NodeFrame, NodeVersion, JestBullet, EslintRow, NpmError,
  GodotScript, GodotError, GodotAt,
  GoPanic, Goroutine, GoTestFail, GoVet, JavaFrame, JavaThread, JavaCause,
  Diagnostic,   // path:line[:column]: [fatal ]error: message
  LinkError, GitError, ShellError, BuildError, Typed,
};

std::string_view name(Mark mark);

/// Recognises one line, without allocation; looks at its beginning only, except for lines that begin with a path.
Mark mark(std::string_view line);

/// What a shell or the system complains of at the end of a line, from the colon on: `: command not found`; else empty.
std::string_view shell_complaint(std::string_view line);

/// Where a failure's cause stands. `head` is the line that names it; `root` the first exception of a chain whose last
/// one is `head`; `detail` a second line without which the head says nothing. Views into the lines given.
struct Cause {
  Family family = Family::General;
  std::string_view head;
  std::string_view root;
  std::string_view detail;
  std::string_view subject;  // part of the head that names what the fault is about, whatever it looks like
  std::size_t line = 0;      // of the head
};

/// Picks the cause line by the rules of the tool that printed the log. `stack` decides only where lines alone are
/// ambiguous (`error: …` without a source location). `marks` has one entry per line. Pure.
Cause find_cause(std::span<const std::string_view> lines, std::span<const Mark> marks, std::string_view stack);

}  // namespace swarm::analyst::domain
