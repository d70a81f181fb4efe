#include "application/joint_answers.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace swarm::gateway {
namespace asio = boost::asio;

bool JointAnswer::follow(std::shared_ptr<Timer> timer) {
  std::lock_guard lock(mutex_);
  if (over_) return false;
  followers_.push_back(std::move(timer));
  return true;
}

void JointAnswer::unfollow(const std::shared_ptr<Timer>& timer) {
  std::lock_guard lock(mutex_);
  std::erase(followers_, timer);
}

std::shared_ptr<const ToldAnswer> JointAnswer::told() const {
  std::lock_guard lock(mutex_);
  return told_;
}

std::size_t JointAnswers::Hash::operator()(const AnswerCache::Key& key) const {
  std::size_t bits = 0;
  std::memcpy(&bits, key.data(), sizeof bits);
  return bits;
}

JointAnswers::Entered JointAnswers::enter(const AnswerCache::Key& name, const AnswerCache::Key& content) {
  std::lock_guard lock(mutex_);
  auto& place = in_flight_[name];
  if (place) return {place->content_ == content ? Part::Follower : Part::OtherContent, place};
  place = std::make_shared<JointAnswer>();
  place->content_ = content;
  return {Part::Leader, place};
}

void JointAnswers::leave(const AnswerCache::Key& name, const JointAnswer& joint) {
  std::lock_guard lock(mutex_);
  const auto at = in_flight_.find(name);
  if (at != in_flight_.end() && at->second.get() == &joint) in_flight_.erase(at);
}

LeadingAnswer::LeadingAnswer(JointAnswers& all, AnswerCache::Key name, std::shared_ptr<JointAnswer> joint, Answer& own)
    : all_(all), name_(name), joint_(std::move(joint)), own_(own) {}

LeadingAnswer::~LeadingAnswer() { finish(nullptr, {}); }

bool LeadingAnswer::followed() const {
  std::lock_guard lock(joint_->mutex_);
  return !joint_->followers_.empty();
}

/// True when somebody else waits for it, for whom alone the body is copied.
bool LeadingAnswer::finish(std::shared_ptr<ToldAnswer> told, std::string_view body) {
  if (std::exchange(over_, true)) return false;
  all_.leave(name_, *joint_);
  std::vector<std::shared_ptr<JointAnswer::Timer>> followers;
  {
    std::lock_guard lock(joint_->mutex_);
    joint_->over_ = true;
    followers.swap(joint_->followers_);
    if (told && !followers.empty()) {
      told->body += body;
      joint_->told_ = std::move(told);
    }
  }
  // A timer belongs to its own thread.
  for (const auto& timer : followers) asio::post(timer->get_executor(), [timer] { timer->cancel(); });
  return !followers.empty();
}

/// Nobody can join any more, if nobody has.
bool LeadingAnswer::close_unless_followed() {
  {
    std::lock_guard lock(joint_->mutex_);
    if (!joint_->followers_.empty()) return false;
    joint_->over_ = true;
  }
  all_.leave(name_, *joint_);
  over_ = true;
  return true;
}

asio::awaitable<bool> LeadingAnswer::whole(int status, std::string_view headers, std::string_view body) {
  auto told = std::make_shared<ToldAnswer>();
  told->status = status;
  told->headers = headers;
  finish(std::move(told), body);
  if (gone_) co_return true;
  co_return co_await own_.whole(status, headers, body);
}

asio::awaitable<bool> LeadingAnswer::begin(int status, std::string_view headers) {
  noted_ = std::make_shared<ToldAnswer>();
  noted_->status = status;
  noted_->headers = headers;
  noted_->stream = true;
  if (gone_) co_return true;
  co_return co_await own_.begin(status, headers);
}

asio::awaitable<bool> LeadingAnswer::send(std::string_view piece) {
  if (noted_ && noted_->body.size() + piece.size() > all_.options_.stream_bytes_max) {
    noted_.reset();
    finish(nullptr, {});
  }
  if (noted_) noted_->body += piece;
  if (gone_) co_return followed();
  const bool sent = co_await own_.send(piece);
  if (!sent && followed()) gone_ = true;
  co_return sent || gone_;
}

asio::awaitable<bool> LeadingAnswer::end() {
  finish(std::move(noted_), {});
  if (gone_) co_return true;
  co_return co_await own_.end();
}

void LeadingAnswer::abort() {
  finish(nullptr, {});
  own_.abort();
}

void LeadingAnswer::watch(Answer::Hangup* hangup) {
  hangup_ = hangup;
  own_.watch(hangup != nullptr ? this : nullptr);
}

void LeadingAnswer::caller_gone() {
  if (!over_ && !close_unless_followed()) {
    gone_ = true;
    return;
  }
  if (Answer::Hangup* told = std::exchange(hangup_, nullptr)) told->caller_gone();
}

}  // namespace swarm::gateway
