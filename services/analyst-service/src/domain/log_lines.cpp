#include "domain/log_lines.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>  // tidy: allow layer: instructions of the processor, no I/O
#endif

#include "domain/surroundings.hpp"
#include "domain/text_class.hpp"

namespace swarm::analyst::domain {

namespace {

constexpr char kEscape = '\x1b';

// The end of the terminal sequence that begins at `at`.
std::size_t sequence_end(std::string_view log, std::size_t at) {
  if (at + 1 >= log.size()) return log.size();
  std::size_t end = at + 2;
  if (log[at + 1] == '[') {
    while (end < log.size() && (log[end] < 0x40 || log[end] > 0x7e)) ++end;
    return std::min(end + 1, log.size());
  }
  if (log[at + 1] != ']') return end;
  const std::size_t limit = std::min(log.size(), end + 256);
  while (end < limit && log[end] != '\a' && log[end] != kEscape) ++end;
  if (end < limit && log[end] == kEscape) ++end;
  return std::min(end + 1, log.size());
}

// What a progress bar wrote over is gone, as on a terminal.
std::string_view as_on_screen(std::string_view line) {
  while (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  const std::size_t last = line.rfind('\r');
  return last == std::string_view::npos ? line : line.substr(last + 1);
}

}  // namespace

bool is_blank_log(std::string_view log) {
  return std::all_of(log.begin(), log.end(), [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; });
}

void LogLines::read(std::string_view log) {
  if (log.size() > kOnePassMax || !split_plain(log)) {
    lines_.clear();
    tail_.clear();
    split(without_colours(log));
  }
  dedent();
  drop_labels();
  drop_runner_lines();
  dedent();  // what stood behind stamps
}

// One look at each byte tells line breaks, carriage returns and escapes at once. False when the log is not as plain as
// most are; then lines_ holds nothing of use.
bool LogLines::split_plain(std::string_view log) {
#if defined(__SSE2__)
  lines_.clear();
  const char* const data = log.data();
  std::size_t begin = 0, at = 0;
  for (; at + 16 <= log.size(); at += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + at));
    const auto breaks = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8('\n'))));
    const __m128i odd = _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('\r')), _mm_cmpeq_epi8(block, _mm_set1_epi8(kEscape)));
    if (_mm_movemask_epi8(odd) != 0) return false;
    for (unsigned left = breaks; left != 0; left &= left - 1) {
      const std::size_t end = at + static_cast<std::size_t>(std::countr_zero(left));
      lines_.push_back(log.substr(begin, end - begin));
      begin = end + 1;
    }
    if (lines_.size() > kLinesMax) return false;
  }
  for (; at < log.size(); ++at) {
    if (data[at] == '\r' || data[at] == kEscape) return false;
    if (data[at] != '\n') continue;
    lines_.push_back(log.substr(begin, at - begin));
    begin = at + 1;
  }
  if (begin < log.size()) lines_.push_back(log.substr(begin));
  return lines_.size() <= kLinesMax;
#else
  return log.empty();
#endif
}

std::string_view LogLines::without_colours(std::string_view log) {
  if (log.empty() || std::memchr(log.data(), kEscape, log.size()) == nullptr) return log;
  clean_.clear();
  if (log.size() <= kCleanMax) {
    append_clean(log);
  } else {
    // The cause stands at one of the ends; the middle of a giant coloured log is not worth a giant copy.
    append_clean(log.substr(0, kCleanMax / 2));
    clean_.push_back('\n');
    append_clean(log.substr(log.size() - kCleanMax / 2));
  }
  return clean_;
}

void LogLines::append_clean(std::string_view part) {
  for (std::size_t at = 0; at < part.size();) {
    const std::size_t stop = std::min(part.find(kEscape, at), part.size());
    clean_.append(part.substr(at, stop - at));
    at = stop == part.size() ? stop : sequence_end(part, stop);
  }
}

void LogLines::split(std::string_view log) {
  // The tail is a ring: a million lines cost time but no memory.
  const bool returns = !log.empty() && std::memchr(log.data(), '\r', log.size()) != nullptr;
  std::size_t ring_next = 0;
  for (std::size_t at = 0; at < log.size();) {
    const void* found = std::memchr(log.data() + at, '\n', log.size() - at);
    const std::size_t end = found ? static_cast<std::size_t>(static_cast<const char*>(found) - log.data()) : log.size();
    auto line = log.substr(at, end - at);
    at = end + 1;
    if (returns) line = as_on_screen(line);
    if (lines_.size() < kLinesMax / 2) {
      lines_.push_back(line);
    } else if (tail_.size() < kLinesMax / 2) {
      tail_.push_back(line);
    } else {
      tail_[ring_next] = line;
      ring_next = (ring_next + 1) % tail_.size();
    }
  }
  std::rotate(tail_.begin(), tail_.begin() + static_cast<std::ptrdiff_t>(ring_next), tail_.end());
  lines_.insert(lines_.end(), tail_.begin(), tail_.end());
}

// Only what all lines begin with is a label, and of a single line only what names a copy: `web-1  | …`.
void LogLines::drop_labels() {
  const auto first = std::find_if(lines_.begin(), lines_.end(), [](std::string_view line) { return !line.empty(); });
  if (first == lines_.end()) return;
  const std::size_t size = label_size(*first);
  if (size == 0) return;
  const auto label = first->substr(0, size);
  const auto labelled = std::count_if(lines_.begin(), lines_.end(), [&](std::string_view line) { return line.starts_with(label); });
  const auto filled = std::count_if(lines_.begin(), lines_.end(), [](std::string_view line) { return !line.empty(); });
  const bool names_a_copy = label.ends_with('|') && std::any_of(label.begin(), label.end(), is_digit);
  if (labelled < filled || (filled == 1 && !names_a_copy)) return;
  for (auto& line : lines_) {
    if (line.empty()) continue;
    line.remove_prefix(size);
    if (line.starts_with(' ')) line.remove_prefix(1);
  }
  dedent();
}

void LogLines::drop_runner_lines() {
  std::size_t stamped = 0, filled = 0, dropped = 0, runs = 0;
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    auto& line = lines_[i];
    filled += line.empty() ? 0 : 1;
    if (!is_suspect(line)) continue;
    const auto bare = without_stamp(without_stamp(line));  // the runner's and the program's own
    if (bare.size() != line.size()) {
      line = bare;
      if (stamped == 0) stamped_.assign(lines_.size(), false);
      stamped_[i] = true;
      ++stamped;
      if (stamped <= 2 && names_a_run(line)) ++runs;
    }
    if (line.empty()) continue;
    if (is_runner_line(line)) ++dropped;
    else line = without_channel(line);
  }
  // Few stamped lines among many bare ones are the runner's own log, unless they carry the tool's frames.
  const bool drop_stamped = stamped > 0 && (stamped * 2 + dropped < filled || (stamped * 2 == filled && runs == stamped));
  const bool drop_runs = !drop_stamped && runs > 0 && runs < filled;
  if (!drop_stamped && !drop_runs && dropped == 0) return;
  if (dropped + (drop_stamped ? stamped : 0) >= filled) return;
  std::size_t out = 0;
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    if (is_suspect(lines_[i]) && is_runner_line(lines_[i])) continue;
    const bool heads_frames = i + 1 < lines_.size() && continues(lines_[i + 1]);
    if (drop_stamped && stamped_[i] && !heads_frames && is_log_line(lines_[i])) continue;
    if (drop_runs && i < 2 && stamped_[i] && !heads_frames && names_a_run(lines_[i])) continue;
    lines_[out++] = lines_[i];
  }
  lines_.resize(out);
}

void LogLines::dedent() {
  std::size_t common = std::string_view::npos;
  for (const auto line : lines_) {
    std::size_t indent = 0;
    while (indent < line.size() && line[indent] == ' ') ++indent;
    if (indent == line.size()) continue;
    common = std::min(common, indent);
    if (common == 0) return;
  }
  if (common == std::string_view::npos) return;
  for (auto& line : lines_) line.remove_prefix(std::min(common, line.size()));
}

}  // namespace swarm::analyst::domain
