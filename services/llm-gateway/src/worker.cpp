#include "worker.hpp"

#include <boost/asio/post.hpp>

#include "adapters/codec/anthropic.hpp"
#include "adapters/codec/openai.hpp"
#include "adapters/codec/pass_through.hpp"

namespace swarm::gateway {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::milliseconds kTick{50};
constexpr int kLastRounds = 10'000;

Codecs make_codecs(std::uint64_t image_tokens) {
  Codecs codecs;
  const auto put = [&](Surface surface, std::unique_ptr<DialectCodec> codec) {
    codecs[static_cast<std::size_t>(surface)] = std::move(codec);
  };
  put(Surface::Completions, std::make_unique<OpenAiCodec>(OpenAiSurface::Completions, image_tokens));
  put(Surface::Embeddings, std::make_unique<OpenAiCodec>(OpenAiSurface::Embeddings, image_tokens));
  put(Surface::Responses, std::make_unique<OpenAiCodec>(OpenAiSurface::Responses, image_tokens));
  put(Surface::Messages, std::make_unique<AnthropicCodec>(image_tokens));
  put(Surface::CountTokens, std::make_unique<AnthropicCodec>(image_tokens));
  put(Surface::Other, std::make_unique<PassThroughCodec>());
  for (const Surface surface : {Surface::Chat, Surface::Models, Surface::Grpc}) {
    put(surface, std::make_unique<OpenAiCodec>(OpenAiSurface::Chat, image_tokens));
  }
  return codecs;
}

FrontDoor::Options door_options(const Settings& settings, std::string listen, bool share_port, std::shared_ptr<http::PeerShares> peers) {
  FrontDoor::Options options;
  options.listener.listen = std::move(listen);
  options.listener.connections_max = static_cast<std::size_t>(settings.connections_max);
  options.listener.share_port = share_port;
  options.listener.peers = std::move(peers);
  options.limits = settings.client;
  return options;
}

}  // namespace

Worker::Worker(const Settings& settings, Services services, Offer offer, const Clock& clock, std::string listen, bool share_port,
               std::unique_ptr<ServerTls> server_tls, std::shared_ptr<http::PeerShares> peers)
    : work_(asio::make_work_guard(io_)),
      deadlines_(io_, kTick),
      codecs_(make_codecs(static_cast<std::uint64_t>(settings.image_tokens))),
      relay_(services, lane_of(std::move(offer)), codecs_, translation_, settings.relay),
      door_(io_, deadlines_, relay_, services.probe, clock, door_options(settings, std::move(listen), share_port, std::move(peers)),
            std::move(server_tls)) {}

Worker::~Worker() { stop(); }

void Worker::start() {
  thread_ = std::thread([this] { io_.run(); });
}

std::shared_ptr<Lane> Worker::lane_of(Offer offer) {
  auto link = std::make_unique<RoutedLink>(io_, deadlines_, offer.edition->catalog, std::move(offer.tls));
  return std::make_shared<Lane>(Lane{std::move(offer.edition), std::move(link)});
}

void Worker::adopt(Offer offer) {
  asio::post(io_, [this, offer = std::move(offer)]() mutable {
    relay_.adopt(lane_of(std::move(offer)));
    if (draining_) relay_.link().drain();
  });
}

void Worker::begin_drain() {
  asio::post(io_, [this] {
    draining_ = true;
    door_.begin_drain();
    relay_.link().drain();
    look_whether_drained();
  });
}

void Worker::look_whether_drained() {
  if (door_.empty()) {
    drained_ = true;
    return;
  }
  auto again = std::make_shared<asio::steady_timer>(io_, kTick);
  again->async_wait([this, again](boost::system::error_code error) {
    if (!error) look_whether_drained();
  });
}

void Worker::stop() {
  if (thread_.joinable()) {
    asio::post(io_, [this] {
      door_.begin_drain();
      door_.cancel_all();
      relay_.link().drain();
      deadlines_.stop();
      work_.reset();
    });
    // What was cancelled ends by itself within a few rounds; a completion for gRPC has the drain's time behind it.
    asio::post(io_, [this] { io_.stop(); });
    thread_.join();
    io_.restart();
    for (int i = 0; i < kLastRounds && !door_.empty() && io_.poll_one() > 0; ++i) {
    }
  }
}

}  // namespace swarm::gateway
