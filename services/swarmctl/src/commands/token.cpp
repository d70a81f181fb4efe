#include <boost/json.hpp>

#include "access.hpp"
#include "commands/commands.hpp"
#include "commands/options.hpp"
#include "libs/auth/guard.hpp"

namespace swarm::ctl {
namespace {

struct Options {
  TokenRequest token;
  std::string role = "viewer";
  std::string cert_file;
};

void run(Session& session, Options& o) {
  const auto& key = session.access_options;
  if (key.signing_key_file.empty()) return session.refuse("token", "--signing-key-file is needed");
  const auto role = auth::parse_role(o.role);
  if (!role) return session.refuse("token", "no such role: " + o.role);
  o.token.role = *role;
  if (!o.cert_file.empty()) {
    const auto pem = read_small_file("--cert", o.cert_file);
    if (!pem) return session.refuse("token", pem.error().message);
    o.token.cert_fingerprint = auth::fingerprint_of(pem.value());
    if (o.token.cert_fingerprint.empty()) return session.refuse("token", "--cert: no certificate in " + o.cert_file);
  }
  const auto token = make_token(o.token, key.signing_key_file, key.signing_key_id, session.clock);
  if (!token) return session.refuse("token", token.error().message);
  if (session.json) session.out << boost::json::object{{"token", token.value()}} << std::endl;
  else session.out << token.value() << std::endl;
}

}  // namespace

void add_token(CLI::App& program, Session& session) {
  auto o = std::make_shared<Options>();
  CLI::App* app = program.add_subcommand("token", "make a short-lived token for an agent or a person; needs --signing-key-file");
  app->add_option("--subject", o->token.subject, "who bears it")->required()->type_name("NAME");
  app->add_option("--role", o->role, "what it allows")
      ->required()
      ->check(CLI::IsMember({"viewer", "agent", "operator", "admin"}))
      ->type_name("viewer|agent|operator|admin");
  app->add_option("--team", o->token.team, "tenant and budget scope");
  add_duration(*app, "--lifetime", o->token.lifetime, "how long it counts (default 15m, which is also the services' limit)");
  app->add_option("--cert", o->cert_file, "bind it to this client certificate (PEM)")->type_name("FILE");
  app->add_option("--issuer", o->token.issuer, "auth.issuer of the services")->capture_default_str();
  app->add_option("--audience", o->token.audience, "auth.audience of the services")->capture_default_str();
  app->callback([o, &session] { run(session, *o); });
}

}  // namespace swarm::ctl
