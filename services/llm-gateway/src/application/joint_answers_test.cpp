#include "application/joint_answers.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <catch2/catch.hpp>

namespace swarm::gateway {
namespace {

namespace asio = boost::asio;
using Follower = JointAnswer::Follower;

/// Takes what it is given.
struct Taken final : Answer {
  asio::awaitable<bool> whole(int status, std::string_view, std::string_view body) override {
    text = std::to_string(status) + " " + std::string(body);
    co_return true;
  }
  asio::awaitable<bool> begin(int, std::string_view) override { co_return true; }
  asio::awaitable<bool> send(std::string_view piece) override {
    text += piece;
    co_return true;
  }
  asio::awaitable<bool> end() override { co_return true; }
  void abort() override { aborted = true; }
  void watch(Answer::Hangup* hangup) override { watching = hangup; }
  std::string text;
  bool aborted = false;
  Answer::Hangup* watching = nullptr;
};

struct Noticed final : Answer::Hangup {
  void caller_gone() override { gone = true; }
  bool gone = false;
};

/// One request that leads, and those who follow it, on one thread.
struct Scene {
  explicit Scene(std::size_t bytes_max = 1'000) : all(JointAnswers::Options{bytes_max}), entered(all.enter(name, content)) {
    leading.emplace(all, name, entered.joint, own);
  }
  std::unique_ptr<Follower> follow() {
    return std::make_unique<Follower>(all.enter(name, content).joint, std::make_shared<JointAnswer::Timer>(io));
  }
  /// Whether there was somebody to send to.
  bool run(asio::awaitable<bool> step) {
    auto done = asio::co_spawn(io, std::move(step), asio::use_future);
    io.restart();
    io.run();
    return done.get();
  }
  bool send(std::string_view piece) { return run(leading->send(piece)); }

  asio::io_context io;
  AnswerCache::Key name{{1}};
  AnswerCache::Key content{{2}};
  JointAnswers all;
  JointAnswers::Entered entered;
  Taken own;
  std::optional<LeadingAnswer> leading;
};

std::string body_of(const std::optional<Follower::News>& news) { return news ? news->body : "nothing"; }

}  // namespace

TEST_CASE("who joins a stream gets it from its beginning and then as it comes", "[joint]") {
  Scene scene;
  CHECK(scene.entered.part == JointAnswers::Part::Leader);
  const auto early = scene.follow();
  CHECK_FALSE(early->next());
  scene.run(scene.leading->begin(200, "a: b\r\n"));
  auto news = early->next();
  REQUIRE(news);
  CHECK(news->head->headers == "a: b\r\n");
  CHECK_FALSE(early->next());
  scene.send("one ");
  CHECK(body_of(early->next()) == "one ");
  scene.send("two ");
  scene.send("three");
  const auto late = scene.follow();
  CHECK(body_of(late->next()) == "one two three");
  CHECK(body_of(early->next()) == "two three");
  CHECK_FALSE(early->next());
  scene.run(scene.leading->end());
  for (Follower* follower : {early.get(), late.get()}) {
    news = follower->next();
    REQUIRE(news);
    CHECK(news->over);
    CHECK_FALSE(news->lost);
    CHECK(news->body.empty());
  }
  CHECK(scene.own.text == "one two three");
  CHECK(scene.all.enter(scene.name, scene.content).part == JointAnswers::Part::Leader);
}

TEST_CASE("a whole answer is told when it is there", "[joint]") {
  Scene scene;
  const auto follower = scene.follow();
  scene.run(scene.leading->whole(201, "", "all of it"));
  const auto news = follower->next();
  REQUIRE(news);
  CHECK(news->head->status == 201);
  CHECK(news->body == "all of it");
  CHECK(news->over);
  CHECK_FALSE(scene.entered.joint.get() == scene.all.enter(scene.name, scene.content).joint.get());
}

TEST_CASE("of a request that ends without an answer nothing comes, also in the middle of a stream", "[joint]") {
  Scene scene;
  const auto waiting = scene.follow();
  scene.leading.reset();
  auto news = waiting->next();
  REQUIRE(news);
  CHECK(news->lost);
  CHECK(news->head == nullptr);
  Scene cut;
  const auto begun = cut.follow();
  cut.run(cut.leading->begin(200, ""));
  CHECK(begun->next());
  cut.leading->abort();
  news = begun->next();
  REQUIRE(news);
  CHECK(news->lost);
  CHECK(cut.own.aborted);
}

TEST_CASE("a long stream goes on for who has joined, nobody else joins it, and who lags far behind is left behind", "[joint]") {
  Scene scene(100);
  const auto keeps_up = scene.follow();
  const auto slow = scene.follow();
  scene.run(scene.leading->begin(200, ""));
  CHECK(keeps_up->next());
  CHECK(slow->next());
  std::string got;
  for (int i = 0; i < 100; ++i) {
    CHECK(scene.send("0123456789"));
    got += body_of(keeps_up->next());
    if (i == 5) CHECK(scene.follow()->joined());
  }
  CHECK(got.size() == 1'000);
  const auto lost = slow->next();
  REQUIRE(lost);
  CHECK(lost->lost);
  CHECK(scene.all.enter(scene.name, scene.content).part == JointAnswers::Part::Leader);
  CHECK_FALSE(Follower(scene.entered.joint, std::make_shared<JointAnswer::Timer>(scene.io)).joined());
  scene.run(scene.leading->end());
  const auto news = keeps_up->next();
  REQUIRE(news);
  CHECK((news->over && !news->lost));
}

TEST_CASE("a caller who leaves is missed only when nobody else follows", "[joint]") {
  Scene scene;
  Noticed job;
  scene.leading->watch(&job);
  auto follower = scene.follow();
  scene.run(scene.leading->begin(200, ""));
  scene.own.watching->caller_gone();
  CHECK_FALSE(job.gone);
  CHECK(scene.send("more"));
  CHECK(scene.own.text.empty());
  follower.reset();
  CHECK_FALSE(scene.send("and more"));
  Scene alone;
  alone.leading->watch(&job);
  alone.own.watching->caller_gone();
  CHECK(job.gone);
  CHECK(alone.all.enter(alone.name, alone.content).part == JointAnswers::Part::Leader);
}

}  // namespace swarm::gateway
