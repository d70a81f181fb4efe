#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/guard/text_guard.hpp"
#include "libs/http/sse.hpp"

namespace swarm::gateway {

/// A guard over one stream of server-sent events that hold JSON. Texts that grow from event to event (an answer's words, a
/// tool call's arguments) are read as the one text that they make; a find that several events share is masked in the first of
/// them and taken out of the others. Events go on in their order. What is held back is the end of each text: the hold-back of
/// the guard's options and the word that is being written, at most `held_bytes_max`; it goes on when its text ends, when
/// the stream does, or when that bound is reached. Not thread-safe.
class EventGuard final : public StreamGuard {
 public:
  explicit EventGuard(const TextGuard& guard) : guard_(guard) {}

  bool pass(std::string_view events, std::string& out) override;
  bool finish(std::string& out) override;
  const GuardFindings& findings() const override { return findings_; }

 private:
  /// A part of a channel's text as it stands in an event.
  struct Piece {
    std::size_t at = 0;         // of its token in the event's data
    std::size_t length = 0;
    std::size_t channel = 0;
    std::size_t begin = 0;      // of its text in the channel
    std::string text;
    std::size_t end() const { return begin + text.size(); }
  };
  struct Pending {
    std::string head;           // what stands before the data
    std::string data;
    std::string tail;
    std::vector<Piece> pieces;
    std::size_t bytes() const { return head.size() + data.size() + tail.size(); }
  };
  struct Cut {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::size_t rule = 0;
  };
  /// A text that grows from event to event. Places are counted from its beginning.
  struct Channel {
    std::string name;
    std::string text;           // what is not decided, and a little before it
    std::size_t base = 0;       // place of text's first byte
    std::size_t safe = 0;       // everything before it is decided
    std::vector<Cut> cuts;
    bool fresh = false;         // grew since it was looked at
    std::size_t end() const { return base + text.size(); }
  };

  void take(std::string_view bytes);
  void read_texts(Pending& event);
  std::size_t channel_of(const std::string& name);
  bool ends_texts(const http::SseEvent& event) const;
  /// Finds what is to be found in the channel's text so far; `last`: no more of it will come.
  void decide(Channel& channel, bool last);
  void decide_all(bool last);
  std::size_t hold_from(const Channel& channel) const;
  void release(std::string& out);
  std::string cut(const Piece& piece) const;
  void append_event(std::string& out, const Pending& event) const;

  const TextGuard& guard_;
  std::deque<Pending> pending_;
  std::size_t pending_bytes_ = 0;
  std::vector<Channel> channels_;
  GuardFindings findings_;
  std::vector<GuardMatch> matches_;
  std::string scratch_;
  std::string plain_;
  std::string indexes_;
  bool refused_ = false;
};

}  // namespace swarm::gateway
