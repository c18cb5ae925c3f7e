package dev.clessidra.bench.baselines.nvidia;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clessidra.kernels.Images;
import org.junit.jupiter.api.Test;

final class CudnnLayoutTest {
  private static final Images SHAPE = new Images(2, 1, 2, 3);
  private static final float[] CHANNELS_LAST = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  private static final float[] CHANNELS_FIRST = {1, 4, 2, 5, 3, 6, 7, 10, 8, 11, 9, 12};

  @Test
  void theChannelsOfAnImageComeOneAfterTheOther() {
    assertThat(CudnnLayout.CHANNELS_FIRST.of(CHANNELS_LAST, SHAPE)).isEqualTo(CHANNELS_FIRST);
    assertThat(CudnnLayout.CHANNELS_FIRST.channelsLast(CHANNELS_FIRST, SHAPE))
        .isEqualTo(CHANNELS_LAST);
  }

  @Test
  void ourOwnOrderIsLeftAsItIs() {
    assertThat(CudnnLayout.CHANNELS_LAST.of(CHANNELS_LAST, SHAPE)).isEqualTo(CHANNELS_LAST);
    assertThat(CudnnLayout.CHANNELS_LAST.channelsLast(CHANNELS_LAST, SHAPE))
        .isEqualTo(CHANNELS_LAST);
  }
}
