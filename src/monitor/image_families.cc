#include "monitor/image_families.h"

#include <utility>

#include "images/image_counters.h"
#include "monitor/read_values.h"

namespace crisp {
namespace {

prometheus::MetricFamily Requests(const ImageCounters& counters) {
  prometheus::MetricFamily family =
      Family("crisp_registry_requests_total", "HTTP requests to registries, mirrors and token servers.",
             prometheus::MetricType::Counter);
  counters.requests.ForEach([&](const std::string& host, const ImageCounters::Host& answers) {
    answers.codes.ForEach([&](const std::string& code, const Counter& counter) {
      AddValue(&family, static_cast<double>(counter.value()), {{"host", host}, {"code", code}});
    });
  });
  return family;
}

}  // namespace

void AddImageFamilies(const ImageCounters& counters, std::vector<prometheus::MetricFamily>* families) {
  families->push_back(
      CountBy("result", "crisp_image_pulls_total", "Pulls of images, by their result.", counters.pulls));
  families->push_back(Times("crisp_image_pull_seconds", "Time of the pulls that succeeded.", counters.pull_times));
  families->push_back(Count("crisp_image_received_bytes_total",
                            "Bytes of layers that registries sent, also those of pulls that failed.",
                            counters.received_bytes));
  families->push_back(
      Count("crisp_image_written_bytes_total", "Disk space of the layers that were unpacked.", counters.written_bytes));
  families->push_back(
      Count("crisp_image_layers_unpacked_total", "Layers that were fetched and unpacked.", counters.layers_unpacked));
  families->push_back(Count("crisp_image_layers_reused_total", "Layers of pulled images that the node had already.",
                            counters.layers_reused));
  families->push_back(
      Times("crisp_image_layer_unpack_seconds", "Time to receive and unpack a layer.", counters.unpack_times));
  families->push_back(Requests(counters));
  families->push_back(Count("crisp_registry_retries_total",
                            "Requests that repeat one that failed at the same endpoint.", counters.retries));
  families->push_back(Count("crisp_registry_resumed_downloads_total",
                            "Downloads that went on where they had broken off.", counters.resumed_downloads));
}

}  // namespace crisp
