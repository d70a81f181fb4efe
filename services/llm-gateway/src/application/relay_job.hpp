#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <optional>
#include <string>

#include "application/charge.hpp"
#include "application/relay.hpp"
#include "domain/target_order.hpp"

namespace swarm::gateway {

/// One request on its way through the pipeline. Lives in its coroutine's frame.
class RelayJob final : public Answer::Hangup {
 public:
  RelayJob(Relay& relay, const Call& call, Answer& answer);
  ~RelayJob();
  RelayJob(const RelayJob&) = delete;
  RelayJob& operator=(const RelayJob&) = delete;

  /// The whole of it. What `call` and `answer` stand for must live until it ends.
  static boost::asio::awaitable<void> run(Relay& relay, const Call& call, Answer& answer);
  void caller_gone() override;

 private:
  using Step = std::optional<Problem>;  // nothing: go on
  struct Attempted {
    Step problem;
    bool done = false;                              // an answer that is the caller's
    std::optional<std::chrono::milliseconds> again; // the same upstream may be asked again, not before that
  };

  Step authenticate();
  Step scan();
  Step choose();
  Problem unreadable(std::string why) const;
  Step vet_request();
  Step choose_target();
  bool speaks(const Upstream& upstream) const;
  void take_target(std::size_t place);
  bool next_model();
  bool has_fallback() const;
  Step admit(Admission::Places& places);
  boost::asio::awaitable<Step> admit_in_turn();
  boost::asio::awaitable<void> wait_for_turn(std::chrono::nanoseconds time, Turn turn);
  Admission::Wish wish() const;
  Step write_request();
  void splice_request(std::string_view wanted);
  boost::asio::awaitable<Step> ask_model();
  boost::asio::awaitable<Attempted> attempt();
  void leave_attempt();
  void settle_attempt(Ending ending, int status);
  boost::asio::awaitable<Step> first_content();
  boost::asio::awaitable<bool> pause_before_retry(int round, std::chrono::milliseconds wanted);
  std::optional<std::chrono::milliseconds> retry_wish(std::optional<std::chrono::milliseconds> wish) const;
  boost::asio::awaitable<void> answer_token_count();
  std::shared_ptr<const std::string> look_up();
  boost::asio::awaitable<Step> answer_from_cache(std::shared_ptr<const std::string> kept);
  boost::asio::awaitable<Step> relay_whole();
  Step give_up(UpstreamFault why);
  void note_break(UpstreamFault fault);
  bool translate_body(std::string_view body);
  void translate_event(const http::SseEvent& event, std::string& out);
  boost::asio::awaitable<void> relay_stream();
  boost::asio::awaitable<void> finish_stream(std::string_view rest, std::optional<Problem> fault, Ending ending);
  std::optional<std::string_view> vetted(std::string_view events);
  Problem guard_problem(std::string_view rule) const;
  void note_findings(std::string_view where, const GuardFindings& findings);
  bool take_events(std::string_view& data, std::string& out);
  void settle_stream(Ending ending);
  std::string answer_headers(std::optional<Money> cost) const;
  void explain_refusal(const Problem& refused) const;
  void count(int status);
  void tell_attempt(std::string_view fault, std::string_view error) const;
  double seconds() const;
  void note(int status, double took) const;
  void measure(int status, double took) const;
  void note_generated();

  UpstreamLink& link() { return *lane_->link; }
  bool is_stream() const { return status_ < 300 && exchange_->head().find("content-type").starts_with("text/event-stream"); }

  const std::shared_ptr<Lane> lane_;    // in which the request began: outlives all that points into its catalog
  Edition& edition_;
  Relay& relay_;
  const Call& call_;
  Answer& answer_;
  DialectCodec& codec_;
  std::string_view body_;               // the caller's, or what the guard made of it
  std::size_t padding_ = 0;             // readable bytes behind it
  std::string guarded_;
  const PrivacyGuard* guard_ = nullptr; // of the model that was asked for
  std::unique_ptr<StreamGuard> stream_guard_;
  std::string passed_;
  std::vector<std::string> findings_;   // in words, for the explanation
  const Principal* who_ = nullptr;
  const Model* asked_ = nullptr;         // what the caller named
  const Model* model_ = nullptr;         // that, or one of its fallbacks
  TargetOrder order_;
  const Target* target_ = nullptr;
  const Upstream* upstream_ = nullptr;
  DialectCodec* reader_ = nullptr;      // of what the upstream says
  std::size_t fallback_ = 0;            // how many of the model's fallbacks have been looked at
  RequestScan scan_;
  Refusal refusal_;
  std::optional<Charge> charge_;
  std::string request_headers_;
  std::string model_json_;
  Outgoing outgoing_;
  std::unique_ptr<Exchange> exchange_;
  UpstreamLink::Attempt* attempt_ = nullptr;
  boost::asio::steady_timer* retry_timer_ = nullptr;
  StreamMeter meter_;
  std::string scratch_;
  std::string translated_;              // the body in the other dialect
  std::unique_ptr<StreamTranslation> translator_;
  std::string pending_;                 // of a stream's beginning: what is no whole event yet
  std::string held_;                    // of a stream's beginning: for the caller, as soon as there is no way back
  int status_ = 0;
  std::chrono::nanoseconds at_upstreams_{};  // that was waited for answers of upstreams
  BootTime asked_at_{};                 // when an upstream was first asked; zero: none was
  BootTime first_token_at_{};           // of a stream; zero: there was none
  bool broke_off_ = false;              // a stream that its caller got a part of
  std::optional<AnswerCache::Key> cache_key_;  // this request's answer may be kept
  bool free_ = false;                    // answered here, at no cost
  bool gone_ = false;
  bool streaming_ = false;
  bool translating_ = false;
  bool last_ = true;                    // nobody else is left to take over
  bool paid_ = false;                   // an attempt without an answer, which the upstream may charge for
  bool refused_by_budget_ = false;       // which no other model changes
};

}  // namespace swarm::gateway
