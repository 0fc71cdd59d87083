#include "monitor/counter_metrics.h"

#include "base/operations.h"
#include "images/image_counters.h"
#include "images/images.h"
#include "monitor/database_families.h"
#include "monitor/image_families.h"
#include "monitor/network_families.h"
#include "monitor/operation_families.h"
#include "monitor/sandbox_families.h"
#include "monitor/streaming_families.h"
#include "network/network.h"
#include "sandbox/pod_manager.h"
#include "sandbox/sandbox_counters.h"
#include "store/database.h"
#include "streaming/stream_server.h"

namespace crisp {

std::vector<prometheus::MetricFamily> CounterMetrics::Collect() const {
  std::vector<prometheus::MetricFamily> families;
  const ImageCounters& images = parts_.images->counters();
  AddOperationFamilies(Operations::All().View(), parts_.pods->counters().joined, images.joined_pulls, &families);
  AddSandboxFamilies(parts_.pods->counters(), &families);
  AddNetworkFamilies(parts_.network->counters(), &families);
  AddImageFamilies(images, &families);
  AddStreamingFamilies(parts_.streams->counters(), &families);
  AddEventFamilies(parts_.pods->events(), &families);
  AddDatabaseFamilies(*parts_.database, &families);
  return families;
}

}  // namespace crisp
