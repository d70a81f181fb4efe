#include "output/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

namespace swarm::ctl {
namespace {

constexpr std::size_t kWidthMin = 40;

bool has_variable(std::string_view name) {
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (text.size() > name.size() + 1 && text.starts_with(name) && text[name.size()] == '=') return true;
  }
  return false;
}

std::string_view code(Style style) {
  switch (style) {
    case Style::Plain: return "";
    case Style::Strong: return "1";
    case Style::Good: return "32";
    case Style::Busy: return "36";
    case Style::Waiting: return "33";
    case Style::Bad: return "31";
    case Style::Faint: return "2";
  }
  return "";
}

}  // namespace

Terminal standard_output() {
  Terminal out;
  if (isatty(STDOUT_FILENO) == 0) return out;
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  out.width = std::max<std::size_t>(known ? size.ws_col : 80, kWidthMin);
  out.colour = !has_variable("NO_COLOR");
  return out;
}

std::string styled(std::string_view text, Style style, const Terminal& terminal) {
  if (!terminal.colour || style == Style::Plain) return std::string(text);
  std::string out = "\x1b[";
  out += code(style);
  out += 'm';
  out += text;
  return out + "\x1b[0m";
}

}  // namespace swarm::ctl
