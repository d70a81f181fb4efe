#pragma once

#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "application/answer_cache.hpp"
#include "ports/answer.hpp"

namespace swarm::gateway {

class JointAnswers;

/// An answer as it was told, for those who asked the same.
struct ToldAnswer {
  int status = 0;
  std::string headers;
  std::string body;
  bool stream = false;
};

/// One request in flight that others may join. Thread-safe.
class JointAnswer {
 public:
  using Timer = boost::asio::steady_timer;

  /// Waits with the others: the timer's wait ends as soon as the answer is there, or will not come. False: it is over.
  bool follow(std::shared_ptr<Timer> timer);
  /// Has enough of waiting.
  void unfollow(const std::shared_ptr<Timer>& timer);
  /// What there is to tell after the wait; null: nothing came of it, so ask yourself.
  std::shared_ptr<const ToldAnswer> told() const;

 private:
  friend class JointAnswers;
  friend class LeadingAnswer;
  mutable std::mutex mutex_;  // of what follows
  std::vector<std::shared_ptr<Timer>> followers_;
  std::shared_ptr<const ToldAnswer> told_;
  bool over_ = false;
  AnswerCache::Key content_{};  // constant
};

/// Requests in flight that came with an idempotency key: an equal one of the same caller joins, gets the same answer, and is
/// paid for once. Nothing is kept of what is over. Thread-safe.
class JointAnswers {
 public:
  struct Options {
    std::size_t stream_bytes_max = 4u << 20;  // of one stream that can still be joined
  };
  JointAnswers() : JointAnswers(Options{}) {}
  explicit JointAnswers(Options options) : options_(options) {}

  enum class Part : std::uint8_t { Leader, Follower, OtherContent };
  struct Entered {
    Part part = Part::Leader;
    std::shared_ptr<JointAnswer> joint;
  };
  /// `name`: who asks where under which key; `content`: for what. The leader makes a LeadingAnswer of it.
  Entered enter(const AnswerCache::Key& name, const AnswerCache::Key& content);

 private:
  friend class LeadingAnswer;
  struct Hash {
    std::size_t operator()(const AnswerCache::Key& key) const;
  };
  void leave(const AnswerCache::Key& name, const JointAnswer& joint);

  Options options_;
  std::mutex mutex_;  // of in_flight_
  std::unordered_map<AnswerCache::Key, std::shared_ptr<JointAnswer>, Hash> in_flight_;
};

/// The answer of the request that others join: goes to its own caller, and is noted for them. A caller who leaves while
/// others wait is not missed. Ends with the request; what was not told by then tells the others that nothing came of it.
class LeadingAnswer final : public Answer, private Answer::Hangup {
 public:
  LeadingAnswer(JointAnswers& all, AnswerCache::Key name, std::shared_ptr<JointAnswer> joint, Answer& own);
  ~LeadingAnswer();
  LeadingAnswer(const LeadingAnswer&) = delete;
  LeadingAnswer& operator=(const LeadingAnswer&) = delete;

  boost::asio::awaitable<bool> whole(int status, std::string_view headers, std::string_view body) override;
  boost::asio::awaitable<bool> begin(int status, std::string_view headers) override;
  boost::asio::awaitable<bool> send(std::string_view piece) override;
  boost::asio::awaitable<bool> end() override;
  void abort() override;
  std::string peer() const override { return own_.peer(); }
  void watch(Answer::Hangup* hangup) override;

 private:
  void caller_gone() override;
  bool followed() const;
  bool finish(std::shared_ptr<ToldAnswer> told, std::string_view body);
  bool close_unless_followed();

  JointAnswers& all_;
  const AnswerCache::Key name_;
  const std::shared_ptr<JointAnswer> joint_;
  Answer& own_;
  Answer::Hangup* hangup_ = nullptr;
  std::shared_ptr<ToldAnswer> noted_;  // of a stream, until it is over; null: nobody can join it any more
  bool gone_ = false;
  bool over_ = false;
};

}  // namespace swarm::gateway
