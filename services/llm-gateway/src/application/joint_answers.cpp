#include "application/joint_answers.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace swarm::gateway {
namespace asio = boost::asio;

JointAnswer::Follower::Follower(std::shared_ptr<JointAnswer> joint, std::shared_ptr<Timer> timer)
    : joint_(std::move(joint)), timer_(std::move(timer)) {
  std::lock_guard lock(joint_->mutex_);
  joined_ = !joint_->closed_ && !joint_->over_;
  if (joined_) joint_->followers_.push_back(this);
}

JointAnswer::Follower::~Follower() {
  std::lock_guard lock(joint_->mutex_);
  joint_->followers_.remove(this);
}

std::optional<JointAnswer::Follower::News> JointAnswer::Follower::next() {
  std::lock_guard lock(joint_->mutex_);
  JointAnswer& all = *joint_;
  News news;
  news.lost = left_behind_ || (all.over_ && !all.whole_);
  if (news.lost) {
    if (begun_) news.head = all.head_;
    return news;
  }
  const std::uint64_t end = all.gone_by_ + all.kept_.size();
  const bool nothing_new = all.head_ == nullptr || (begun_ && at_ == end) || !all.head_->stream;
  if (nothing_new && !all.over_) {
    waits_ = true;
    return std::nullopt;
  }
  news.head = all.head_;
  news.body = all.kept_.substr(static_cast<std::size_t>(at_ - all.gone_by_));
  news.over = all.over_;
  begun_ = true;
  at_ = end;
  return news;
}

/// Under the lock. A timer belongs to its own thread; one that is woken in vain looks again.
void JointAnswer::wake() {
  for (Follower* follower : followers_) {
    if (std::exchange(follower->waits_, false)) asio::post(follower->timer_->get_executor(), [timer = follower->timer_] { timer->cancel(); });
  }
}

void JointAnswer::tell(ToldHead head) {
  std::lock_guard lock(mutex_);
  head_ = std::make_shared<const ToldHead>(std::move(head));
  wake();
}

/// Under the lock: lets go what everybody has, and then those who have least.
void JointAnswer::make_room(std::size_t bytes, std::size_t bytes_max) {
  const std::uint64_t end = gone_by_ + kept_.size() + bytes;
  const std::uint64_t least = end - std::min<std::uint64_t>(end, bytes_max);
  std::uint64_t from = end - bytes;
  for (Follower* follower : followers_) {
    follower->left_behind_ = follower->left_behind_ || follower->at_ < least;
    if (!follower->left_behind_) from = std::min(from, follower->at_);
  }
  // Not each time a little of much is to be moved.
  if ((from - gone_by_) * 2 < kept_.size()) return;
  kept_.erase(0, static_cast<std::size_t>(from - gone_by_));
  gone_by_ = from;
}

bool JointAnswer::add(std::string_view piece, std::size_t bytes_max) {
  std::lock_guard lock(mutex_);
  closed_ = closed_ || kept_.size() + piece.size() > bytes_max;
  if (closed_) make_room(piece.size(), bytes_max);
  if (!closed_ || !followers_.empty()) kept_ += piece;
  wake();
  return !closed_;
}

void JointAnswer::finish(bool whole) {
  std::lock_guard lock(mutex_);
  over_ = closed_ = true;
  whole_ = whole;
  wake();
}

bool JointAnswer::followed() const {
  std::lock_guard lock(mutex_);
  return !followers_.empty();
}

bool JointAnswer::close_unless_followed() {
  std::lock_guard lock(mutex_);
  if (!followers_.empty()) return false;
  over_ = closed_ = true;
  return true;
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

LeadingAnswer::~LeadingAnswer() { finish(false); }

void LeadingAnswer::finish(bool whole) {
  if (std::exchange(over_, true)) return;
  all_.leave(name_, *joint_);
  joint_->finish(whole);
}

asio::awaitable<bool> LeadingAnswer::whole(int status, std::string_view headers, std::string_view body) {
  all_.leave(name_, *joint_);
  // Only for others is the body copied.
  if (!joint_->close_unless_followed()) {
    joint_->tell({status, std::string(headers), false});
    joint_->add(body, std::max(body.size(), all_.options_.stream_bytes_max));
  }
  finish(true);
  if (gone_) co_return true;
  co_return co_await own_.whole(status, headers, body);
}

asio::awaitable<bool> LeadingAnswer::begin(int status, std::string_view headers) {
  joint_->tell({status, std::string(headers), true});
  if (gone_) co_return true;
  co_return co_await own_.begin(status, headers);
}

asio::awaitable<bool> LeadingAnswer::send(std::string_view piece) {
  // Who comes now asks anew.
  if (!joint_->add(piece, all_.options_.stream_bytes_max)) all_.leave(name_, *joint_);
  if (gone_) co_return joint_->followed();
  const bool sent = co_await own_.send(piece);
  if (!sent && joint_->followed()) gone_ = true;
  co_return sent || gone_;
}

asio::awaitable<bool> LeadingAnswer::end() {
  finish(true);
  if (gone_) co_return true;
  co_return co_await own_.end();
}

void LeadingAnswer::abort() {
  finish(false);
  own_.abort();
}

void LeadingAnswer::watch(Answer::Hangup* hangup) {
  hangup_ = hangup;
  own_.watch(hangup != nullptr ? this : nullptr);
}

void LeadingAnswer::caller_gone() {
  if (!over_ && !joint_->close_unless_followed()) {
    gone_ = true;
    return;
  }
  finish(false);
  if (Answer::Hangup* told = std::exchange(hangup_, nullptr)) told->caller_gone();
}

}  // namespace swarm::gateway
