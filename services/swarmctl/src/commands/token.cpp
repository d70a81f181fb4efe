#include <boost/json.hpp>

#include "access.hpp"
#include "call.hpp"
#include "commands/commands.hpp"
#include "commands/command.hpp"
#include "libs/auth/guard.hpp"
#include "protos/operations.grpc.pb.h"

namespace swarm::ctl {
namespace {

struct Options {
  TokenRequest token;
  std::string role = "viewer";
  std::string cert_file;
  std::string by;
  bool lifetime_given = false;
};

/// Asks a service that has the signing key.
void mint(Session& session, const Options& o, Peer peer) {
  operations::MintTokenRequest request;
  request.set_subject(o.token.subject);
  request.set_role(o.role);
  request.set_team(o.token.team);
  request.set_cert_fingerprint(o.token.cert_fingerprint);
  if (o.lifetime_given) request.set_lifetime_ms(std::chrono::duration_cast<std::chrono::milliseconds>(o.token.lifetime).count());
  const auto stub = operations::Operations::NewStub(session.channel(peer));
  const auto made = call(session, *stub, &operations::Operations::Stub::MintToken, request);
  if (!made) return session.fail("token", peer, made.error());
  if (session.json) session.print_json(made.value());
  else session.out << made.value().token() << std::endl;
}

void run(Session& session, Options& o) {
  const auto& key = session.access_options;
  if (o.by.empty() && key.signing_key_file.empty()) return session.refuse("token", "--signing-key-file or --by SERVICE is needed");
  const auto role = auth::parse_role(o.role);
  if (!role) return session.refuse("token", "no such role: " + o.role);
  o.token.role = *role;
  if (!o.cert_file.empty()) {
    const auto pem = read_small_file("--cert", o.cert_file);
    if (!pem) return session.refuse("token", pem.error().message);
    o.token.cert_fingerprint = auth::fingerprint_of(pem.value());
    if (o.token.cert_fingerprint.empty()) return session.refuse("token", "--cert: no certificate in " + o.cert_file);
  }
  for (const Peer peer : kPeers) {
    if (o.by == facts(peer).name) return mint(session, o, peer);
  }
  const auto token = make_token(o.token, key.signing_key_file, key.signing_key_id, session.clock);
  if (!token) return session.refuse("token", token.error().message);
  if (session.json) session.out << boost::json::object{{"token", token.value()}} << std::endl;
  else session.out << token.value() << std::endl;
}

}  // namespace

void add_token(Command program, Session& session) {
  auto o = std::make_shared<Options>();
  const Command app = program.command("token", "make a short-lived token for an agent or a person: with --signing-key-file, or --by a service that has the key");
  app.option("--subject", o->token.subject, "who bears it").required().type("NAME");
  app.option("--role", o->role, "what it allows")
      .required()
      .one_of({"viewer", "agent", "operator", "admin"})
      .type("viewer|agent|operator|admin");
  app.option("--team", o->token.team, "tenant and budget scope");
  const Option lifetime = app.duration("--lifetime", o->token.lifetime, "how long it counts (default 15m, which is also the services' limit)");
  app.option("--cert", o->cert_file, "bind it to this client certificate (PEM)").type("FILE");
  app.option("--issuer", o->token.issuer, "auth.issuer of the services").shows_default();
  app.option("--audience", o->token.audience, "auth.audience of the services").shows_default();
  app.option("--by", o->by, "let this service make it; your own token must allow that")
      .one_of({"orchestrator", "analyst", "gateway"})
      .type("SERVICE");
  app.action([o, lifetime, &session] {
    o->lifetime_given = lifetime.given();
    run(session, *o);
  });
}

}  // namespace swarm::ctl
