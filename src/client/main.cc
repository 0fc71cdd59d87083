// crisp: a client for containers and images as docker and nerdctl have them, over CRI.
#include <csignal>
#include <string>
#include <vector>

#include "client/verb_tree.h"

int main(int argc, char** argv) {
  // A runtime that goes away while it is written to, and a reader of our output that does, are errors of those calls.
  std::signal(SIGPIPE, SIG_IGN);
  crisp::client::Session session;
  crisp::client::VerbTree tree(&session);
  crisp::client::AddAllVerbs(&tree);
  return tree.Run(std::vector<std::string>(argv + 1, argv + argc));
}
