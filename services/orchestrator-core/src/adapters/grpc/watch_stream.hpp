#pragma once

#include <grpcpp/support/server_callback.h>

#include "application/watch_hub.hpp"
#include "ports/task_store.hpp"
#include "protos/orchestrator.pb.h"

namespace swarm::orchestrator::grpc_api {

class WatchStreams;

/// One follower of task changes: a snapshot if asked for, then the hub's events as fast as the client reads.
grpc::ServerWriteReactor<::orchestrator::TaskEvent>* start_watch_stream(WatchHub& hub, const TaskStore& store,
                                                                        WatchStreams& streams, WatchFilter filter,
                                                                        bool snapshot);

/// The open watch streams, so that they can be ended at a drain. Thread-safe.
class WatchStreams {
 public:
  void end_all(const Error& error);
  std::size_t size() const;

 private:
  friend class WatchStream;
  mutable std::mutex mutex_;
  std::set<class WatchStream*> open_;
};

}  // namespace swarm::orchestrator::grpc_api
