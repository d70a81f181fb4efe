#pragma once

#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "application/answer_cache.hpp"
#include "ports/answer.hpp"

namespace swarm::gateway {

class JointAnswers;

/// How an answer begins.
struct ToldHead {
  int status = 0;
  std::string headers;
  bool stream = false;
};

/// One request in flight that others may join: its answer as it comes, from the beginning, for each of them at its own pace.
/// Of a body longer than a bound nobody can join any more, and who lags behind by more than that is left behind, so that no
/// more than twice the bound is kept. Thread-safe.
class JointAnswer {
 public:
  using Timer = boost::asio::steady_timer;

  /// Somebody who gets the answer too. Belongs to the timer's thread; used by nobody else.
  class Follower {
   public:
    Follower(std::shared_ptr<JointAnswer> joint, std::shared_ptr<Timer> timer);
    ~Follower();
    Follower(const Follower&) = delete;
    Follower& operator=(const Follower&) = delete;

    /// False: it is over, or too much of it has gone by.
    bool joined() const { return joined_; }
    struct News {
      std::shared_ptr<const ToldHead> head;  // null: nothing came of it
      std::string body;                      // behind what was given before
      bool over = false;
      bool lost = false;                     // the rest will not come
    };
    /// Nothing: not yet; the timer's next wait ends as soon as there is.
    std::optional<News> next();

   private:
    friend class JointAnswer;
    const std::shared_ptr<JointAnswer> joint_;
    const std::shared_ptr<Timer> timer_;
    std::uint64_t at_ = 0;      // of the body; under the joint answer's lock, as the next two
    bool begun_ = false;
    bool left_behind_ = false;
    bool waits_ = false;
    bool joined_ = false;
  };

 private:
  friend class JointAnswers;
  friend class LeadingAnswer;
  void tell(ToldHead head);
  /// False: nobody can join from now on.
  bool add(std::string_view piece, std::size_t bytes_max);
  void finish(bool whole);
  bool followed() const;
  /// True when nobody follows; then nobody can any more.
  bool close_unless_followed();
  void wake();
  void make_room(std::size_t bytes, std::size_t bytes_max);

  mutable std::mutex mutex_;  // of what follows
  std::list<Follower*> followers_;
  std::shared_ptr<const ToldHead> head_;
  std::string kept_;
  std::uint64_t gone_by_ = 0;  // bytes of the body before what is kept
  bool closed_ = false;        // nobody can join
  bool over_ = false;
  bool whole_ = false;         // and came to its end
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

/// The answer of the request that others join: goes to its own caller, and is told to them. A caller who leaves while
/// others follow is not missed. Ends with the request; what was not told by then tells the others that nothing came of it.
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
  void finish(bool whole);

  JointAnswers& all_;
  const AnswerCache::Key name_;
  const std::shared_ptr<JointAnswer> joint_;
  Answer& own_;
  Answer::Hangup* hangup_ = nullptr;
  bool gone_ = false;
  bool over_ = false;
};

}  // namespace swarm::gateway
