// What each room does when the configuration is read again.
#pragma once

#include <vector>

#include "daemon/reload.h"
#include "store/layout.h"

namespace crisp {

class CriServer;
class Images;
class Network;
class PodManager;
class RuntimeHealth;
class StreamServer;

// All outlive the steps.
struct ReloadedRooms {
  Layout layout;
  Images* images;
  Network* network;
  PodManager* pods;
  RuntimeHealth* health;
  StreamServer* streams;
  CriServer* server;
};

std::vector<Reloader::Prepare> ReloadSteps(const ReloadedRooms& rooms);

}  // namespace crisp
