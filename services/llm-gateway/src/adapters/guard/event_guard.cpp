#include "adapters/guard/event_guard.hpp"

#include <algorithm>
#include <array>

#include "adapters/codec/json_text.hpp"
#include "adapters/guard/json_texts.hpp"

namespace swarm::gateway {
namespace {

constexpr std::size_t kContext = 32;        // of decided text, so that a word's beginning is known
constexpr std::size_t kPendingBytesMax = 256 * 1024;
constexpr std::size_t kChannelsMax = 64;

/// Keys of texts of which each event brings a part.
constexpr std::array<std::string_view, 9> kGrowing = {"content", "text", "arguments", "delta", "partial_json", "thinking",
                                                      "reasoning_content", "reasoning", "refusal"};

bool grows(std::string_view key) { return std::find(kGrowing.begin(), kGrowing.end(), key) != kGrowing.end(); }

/// What one unbroken secret may be made of.
bool is_run(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' || c == '.' || c == '/' || c == '+' ||
         c == '=' || c == '@' || c == ':' || c == '%';
}

}  // namespace

bool EventGuard::pass(std::string_view events, std::string& out) {
  while (const std::size_t length = http::sse_event_length(events)) {
    take(events.substr(0, length));
    events.remove_prefix(length);
    if (refused_) return false;
  }
  // The last one may end with a carriage return, of which only the next byte tells that it ended the event.
  if (!events.empty()) take(events);
  if (refused_) return false;
  release(out);
  return true;
}

bool EventGuard::finish(std::string& out) {
  decide_all(true);
  if (refused_) return false;
  release(out);
  return true;
}

/// Of a stream that says so: a message, a block or an item is complete.
bool EventGuard::ends_texts(const http::SseEvent& event) const {
  if (event.data == "[DONE]" || event.event == "content_block_stop" || event.event == "message_delta" || event.event == "message_stop" ||
      event.event == "error" || event.event.ends_with(".done") || event.event.ends_with(".completed") || event.event.ends_with(".failed") ||
      event.event.ends_with(".incomplete")) {
    return true;
  }
  bool said = false;
  raw_string_after(event.data, "\"finish_reason\"", said);
  return said;
}

void EventGuard::take(std::string_view bytes) {
  const http::SseEvent event = http::parse_sse_event(bytes, scratch_);
  Pending made;
  const bool in_place = event.data.data() >= bytes.data() && event.data.data() + event.data.size() <= bytes.data() + bytes.size();
  if (in_place && !event.data.empty()) {
    const auto at = static_cast<std::size_t>(event.data.data() - bytes.data());
    made.head = bytes.substr(0, at);
    made.data = event.data;
    made.tail = bytes.substr(at + event.data.size());
  } else if (event.data.empty()) {
    made.head = bytes;
  } else {
    if (!event.event.empty()) made.head = "event: " + std::string(event.event) + "\n";
    made.head += "data: ";
    made.data = event.data;  // JSON over several lines; the breaks between them mean nothing
    std::replace(made.data.begin(), made.data.end(), '\n', ' ');
    made.tail = "\n\n";
  }
  const bool ends = ends_texts(event);
  read_texts(made);
  pending_bytes_ += made.bytes();
  pending_.push_back(std::move(made));
  const bool full = pending_bytes_ > kPendingBytesMax || channels_.size() > kChannelsMax;
  decide_all(ends || full);
}

/// Texts that stand for themselves are checked and masked at once, those that grow become pieces of their channels.
void EventGuard::read_texts(Pending& event) {
  if (event.data.empty() || event.data.front() != '{') return;
  indexes_.clear();
  for_each_value(event.data, [&](const JsonValue& value) {
    if (!value.is_text && value.key.ends_with("index")) (indexes_ += value.token) += ',';
  });
  std::string data;
  std::size_t copied = 0;
  for_each_value(event.data, [&](const JsonValue& value) {
    if (!value.is_text || value.token.size() <= 2) return;
    plain_.clear();
    append_unescaped(plain_, value.token);
    data.append(event.data, copied, value.at - copied);
    copied = value.at + value.token.size();
    if (grows(value.key)) {
      Piece piece;
      piece.at = data.size();
      piece.length = value.token.size();
      piece.channel = channel_of(std::string(value.key) + '#' + indexes_);
      Channel& channel = channels_[piece.channel];
      piece.begin = channel.end();
      piece.text = plain_;
      channel.text += plain_;
      channel.fresh = true;
      event.pieces.push_back(std::move(piece));
      data.append(value.token);
      return;
    }
    guard_.rules().find(is_blob(plain_) ? std::string_view() : std::string_view(plain_), matches_);
    std::string fresh;
    std::size_t at = 0;
    for (const GuardMatch& match : matches_) {
      guard_.count(GuardDirection::Answer, match.rule, findings_);
      const GuardAction action = guard_.rules().rules()[match.rule].action;
      refused_ = refused_ || action == GuardAction::Refuse;
      if (action != GuardAction::Mask) continue;
      fresh.append(plain_, at, match.begin - at).append(guard_.mark(match.rule));
      at = match.end;
    }
    if (at == 0) data.append(value.token);
    else append_json_string(data, fresh.append(plain_, at));
  });
  data.append(event.data, copied);
  event.data = std::move(data);
}

std::size_t EventGuard::channel_of(const std::string& name) {
  const auto known = std::find_if(channels_.begin(), channels_.end(), [&](const Channel& channel) { return channel.name == name; });
  if (known != channels_.end()) return static_cast<std::size_t>(known - channels_.begin());
  Channel made;
  made.name = name;
  channels_.push_back(std::move(made));
  return channels_.size() - 1;
}

/// From where on a find may still grow or begin.
std::size_t EventGuard::hold_from(const Channel& channel) const {
  const std::size_t end = channel.end();
  std::size_t run = end;
  while (run > channel.base && is_run(channel.text[run - 1 - channel.base])) --run;
  const std::size_t blanks = end - std::min(end, guard_.options().hold_back);
  const std::size_t most = end - std::min(end, guard_.options().held_bytes_max);
  return std::max(std::min(run, blanks), most);
}

void EventGuard::decide(Channel& channel, bool last) {
  channel.fresh = false;
  if (channel.end() == channel.safe) return;
  std::size_t limit = last ? channel.end() : hold_from(channel);
  guard_.rules().find(channel.text, matches_);
  for (const GuardMatch& match : matches_) {
    const std::size_t begin = channel.base + match.begin;
    const std::size_t end = channel.base + match.end;
    if (end <= channel.safe) continue;
    if (!last && end > limit && end - begin < guard_.options().held_bytes_max) {
      limit = std::min(limit, begin);
      break;
    }
    guard_.count(GuardDirection::Answer, match.rule, findings_);
    const GuardAction action = guard_.rules().rules()[match.rule].action;
    refused_ = refused_ || action == GuardAction::Refuse;
    if (action == GuardAction::Mask) channel.cuts.push_back({std::max(begin, channel.safe), end, match.rule});
    limit = std::max(limit, end);
  }
  channel.safe = std::max(channel.safe, limit);
  const std::size_t keep_from = channel.safe - std::min(channel.safe, kContext);
  if (keep_from > channel.base) {
    channel.text.erase(0, keep_from - channel.base);
    channel.base = keep_from;
  }
}

void EventGuard::decide_all(bool last) {
  for (Channel& channel : channels_) {
    if (channel.fresh || last) decide(channel, last);
  }
}

/// The piece with its cuts; empty: it has none.
std::string EventGuard::cut(const Piece& piece) const {
  std::string text;
  std::size_t at = piece.begin;
  bool touched = false;
  for (const Cut& cut : channels_[piece.channel].cuts) {
    if (cut.end <= piece.begin || cut.begin >= piece.end()) continue;
    touched = true;
    if (cut.begin > at) text.append(piece.text, at - piece.begin, cut.begin - at);
    if (cut.begin >= piece.begin) text += guard_.mark(cut.rule);
    at = std::min(cut.end, piece.end());
  }
  if (!touched) return {};
  text.append(piece.text, at - piece.begin);
  std::string token;
  append_json_string(token, text);
  return token;
}

void EventGuard::append_event(std::string& out, const Pending& event) const {
  out += event.head;
  std::size_t copied = 0;
  for (const Piece& piece : event.pieces) {
    const std::string fresh = cut(piece);
    if (fresh.empty()) continue;
    out.append(event.data, copied, piece.at - copied).append(fresh);
    copied = piece.at + piece.length;
  }
  out.append(event.data, copied).append(event.tail);
}

void EventGuard::release(std::string& out) {
  while (!pending_.empty()) {
    const Pending& event = pending_.front();
    const bool decided = std::all_of(event.pieces.begin(), event.pieces.end(),
                                     [&](const Piece& piece) { return piece.end() <= channels_[piece.channel].safe; });
    if (!decided) break;
    append_event(out, event);
    pending_bytes_ -= event.bytes();
    pending_.pop_front();
  }
  if (!pending_.empty()) return;
  // Nothing points to a channel any more; one whose text is decided to its end begins anew with its next piece.
  if (channels_.size() > kChannelsMax) channels_.clear();
  for (Channel& channel : channels_) channel.cuts.clear();
}

}  // namespace swarm::gateway
