#include "images/layer_unpack.h"

#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/thread.h"
#include "images/block_ring.h"
#include "images/digest.h"
#include "images/layer_decoder.h"
#include "images/layer_limits.h"

namespace crisp {
namespace {

// The receiving thread: passes the bytes of the source, verified and decompressed, to the ring.
class Receiver {
 public:
  Receiver(const LayerDescriptor& layer, BlockRing* ring)
      : layer_(layer), hash_(layer.digest), tar_(ring, layer.size, layer.diff_id), decoder_(&tar_) {}

  absl::Status Run(LayerSource& source, const CallContext& call) {
    RETURN_IF_ERROR(source.Fetch(
        layer_, [&](absl::string_view bytes) { return Take(bytes, call); }, call));
    if (received_ != layer_.size) {
      return absl::DataLossError(absl::StrCat("the blob has ", received_, " bytes instead of ", layer_.size));
    }
    if (const std::string digest = hash_.Finish(); digest != layer_.digest) {
      return absl::DataLossError(absl::StrCat("the blob's digest is ", digest));
    }
    RETURN_IF_ERROR(decoder_.Finish());
    if (const std::string diff_id = tar_.Digest(); diff_id != layer_.diff_id) {
      return absl::DataLossError(absl::StrCat("the diff id is ", diff_id, " instead of ", layer_.diff_id));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Take(absl::string_view bytes, const CallContext& call) {
    RETURN_IF_ERROR(call.Check());
    received_ += bytes.size();
    if (received_ > layer_.size) {
      return absl::DataLossError(absl::StrCat("the blob has more than its ", layer_.size, " bytes"));
    }
    hash_.Update(bytes);
    return decoder_.Feed(bytes);
  }

  const LayerDescriptor& layer_;
  uint64_t received_ = 0;
  DigestHasher hash_;
  TarWriter tar_;
  LayerDecoder decoder_;
};

// The unpacking thread. It reads the padding after the tar's end mark too, because that belongs to the digests.
absl::StatusOr<LayerTotals> Apply(BlockRing* ring, Fd root, LayerDirs::Below below, const CallContext& call) {
  ASSIGN_OR_RETURN(const LayerTotals totals,
                   ApplyTar([ring] { return ring->Next(); }, std::move(root), std::move(below), call));
  while (true) {
    ASSIGN_OR_RETURN(const absl::string_view rest, ring->Next());
    if (rest.empty()) return totals;
  }
}

}  // namespace

absl::StatusOr<LayerTotals> UnpackLayer(const LayerDescriptor& layer, LayerSource& source, Fd root,
                                        LayerDirs::Below below, size_t ring_bytes, const std::function<void()>& fetched,
                                        const CallContext& call) {
  BlockRing ring(ring_bytes / kRingBlockBytes, kRingBlockBytes);
  const auto receive = [&] {
    const absl::Status received = Receiver(layer, &ring).Run(source, call);
    if (received.ok()) fetched();
    ring.Finish(received);
  };
  ASSIGN_OR_RETURN(std::thread receiver, StartThread("layer receiver", receive));
  absl::StatusOr<LayerTotals> totals = Apply(&ring, std::move(root), std::move(below), call);
  ring.Stop(totals.ok() ? absl::CancelledError("the layer is unpacked") : totals.status());
  receiver.join();
  return totals;
}

}  // namespace crisp
