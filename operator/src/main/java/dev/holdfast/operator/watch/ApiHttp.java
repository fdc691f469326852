package dev.holdfast.operator.watch;

import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.okhttp.OkHttpClientFactory;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import okhttp3.Call;
import okhttp3.EventListener;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;
import okhttp3.Response;

/**
 * OkHttp with the request timeout that fabric8's other clients have: an answer is to begin within it, and then to go on.
 * As it comes a list would have to be complete by then, and an upgrade would have for ever.
 */
final class ApiHttp extends OkHttpClientFactory {
    private final int silenceMillisMax;

    ApiHttp(Config config) {
        this.silenceMillisMax = config.getRequestTimeout();
    }

    @Override
    protected void additionalConfig(OkHttpClient.Builder builder) {
        builder.addInterceptor(this::bounded).eventListener(new EventListener() {
            @Override
            public void responseHeadersEnd(Call call, Response response) {
                call.timeout().cancel();
            }
        });
    }

    /** A watch over plain HTTP may be silent; one over WebSocket is pinged, and bounded until its 101 alone. */
    private Response bounded(Interceptor.Chain chain) throws IOException {
        boolean plainWatch = "true".equals(chain.request().url().queryParameter("watch"))
                && chain.request().header("Upgrade") == null;
        return (plainWatch ? chain : chain.withReadTimeout(silenceMillisMax, TimeUnit.MILLISECONDS))
                .proceed(chain.request());
    }
}
