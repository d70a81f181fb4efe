#include "application/turn_bell.hpp"

#include <boost/asio/post.hpp>

namespace swarm::gateway {

TurnBell::Listener::Listener(TurnBell& bell, Turn turn, std::shared_ptr<Timer> timer) : bell_(bell), turn_(turn) {
  bell_.listening_.with([&](auto& listening) { listening.insert_or_assign(turn_, std::move(timer)); });
}

TurnBell::Listener::~Listener() {
  bell_.listening_.with([&](auto& listening) { listening.erase(turn_); });
}

void TurnBell::ring(Turn turn) {
  if (turn == 0) return;
  const auto timer = listening_.with([&](const auto& listening) {
    const auto found = listening.find(turn);
    return found == listening.end() ? nullptr : found->second;
  });
  // A timer belongs to its own thread.
  if (timer) boost::asio::post(timer->get_executor(), [timer] { timer->cancel(); });
}

}  // namespace swarm::gateway
