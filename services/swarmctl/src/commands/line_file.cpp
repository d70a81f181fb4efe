#include "commands/line_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

namespace swarm::ctl {
namespace {

constexpr std::size_t kChunk = 1u << 20;

struct Close {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};

Error failure(const std::string& file, int number) {
  const Code code = number == ENOENT ? Code::NotFound : number == EACCES ? Code::PermissionDenied : Code::Internal;
  return {code, file + ": " + std::strerror(number)};
}

}  // namespace

Result<void> each_line(const std::string& file, std::size_t bytes_max, std::uint64_t from_offset,
                       const std::function<bool(const Line&)>& visit) {
  const std::unique_ptr<std::FILE, Close> in(file == "-" ? stdin : std::fopen(file.c_str(), "rb"));
  if (!in) return failure(file, errno);
  if (from_offset > 0 && fseeko(in.get(), static_cast<off_t>(from_offset), SEEK_SET) != 0) return failure(file, errno);
  std::vector<char> chunk(kChunk);
  std::string line;
  Line now{{}, from_offset, from_offset, false};
  bool begun = false;
  const auto add = [&](std::string_view part) {
    const auto room = bytes_max - std::min(bytes_max, line.size());
    now.cut = now.cut || part.size() > room;
    line.append(part.substr(0, room));
    now.next += part.size();
    begun = begun || !part.empty();
  };
  const auto end = [&] {
    now.text = line;
    const bool more = visit(now);
    line.clear();
    now = {{}, now.next, now.next, false};
    begun = false;
    return more;
  };
  for (std::size_t got; (got = std::fread(chunk.data(), 1, chunk.size(), in.get())) > 0;) {
    for (std::string_view rest(chunk.data(), got); !rest.empty();) {
      const auto at = rest.find('\n');
      add(rest.substr(0, at));
      if (at == rest.npos) break;
      ++now.next;
      rest.remove_prefix(at + 1);
      if (!end()) return outcome::success();
    }
  }
  if (std::ferror(in.get())) return failure(file, errno);
  if (begun) end();
  return outcome::success();
}

}  // namespace swarm::ctl
