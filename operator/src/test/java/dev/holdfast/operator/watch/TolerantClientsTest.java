package dev.holdfast.operator.watch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.operator.snapshot.Views;
import io.fabric8.kubernetes.api.model.KubernetesResourceList;
import io.fabric8.kubernetes.api.model.SecretList;
import io.fabric8.kubernetes.api.model.ServiceList;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointSliceList;
import io.fabric8.kubernetes.api.model.networking.v1.Ingress;
import io.fabric8.kubernetes.api.model.networking.v1.IngressClassList;
import io.fabric8.kubernetes.api.model.networking.v1.IngressList;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.javaoperatorsdk.operator.api.reconciler.ErrorStatusUpdateControl;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One odd object never blocks the list that it is in. */
class TolerantClientsTest {
    private final KubernetesClient client = TolerantClients.open(Config.empty());

    @AfterEach
    void close() {
        client.close();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "'spec': 'nonsense'",
                "'spec': ['nonsense']",
                "'spec': {'rules': 'nonsense'}",
                "'spec': {'rules': [{'http': {'paths': {'path': '/'}}}]}",
                "'spec': {'rules': ['nonsense', 7]}",
                "'spec': {'rules': [{'host': {'a': 1}}]}",
                "'spec': {'rules': [{'http': {'paths': [{'backend': {'service': {'port': {'number': 'eighty'}}}}]}}]}",
                "'spec': {'novel': {'a': [1]}}, 'novel': 1",
                "'status': 'nonsense'",
                "'spec': null"
            })
    void anOddIngressIsReadAsFarAsItCanBe(String odd) {
        // When a list with an odd Ingress between two others is read
        IngressList list = read(odd, IngressList.class);

        // Then all three are there, and the odd one has a view
        assertThat(list.getItems())
                .extracting(ingress -> ingress.getMetadata().getName())
                .containsExactly("a", "odd", "b");
        assertThat(list.getItems()).map(Views::ingress).doesNotContainNull();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "'spec': 'nonsense'",
                "'spec': {'ports': {'port': 80}}",
                "'spec': {'ports': [{'port': 'eighty'}, 7, {'port': 4294967296}]}",
                "'spec': {'ports': [{'name': [1], 'appProtocol': {}}]}",
                "'spec': {'clusterIPs': 'nonsense'}",
                "'endpoints': 'nonsense', 'ports': 'nonsense'",
                "'endpoints': ['nonsense', {'addresses': 'nonsense'}, {'conditions': {'ready': 'perhaps'}}], 'ports': [{'port': 'a'}]",
                "'endpoints': [{'hints': {'forZones': ['a']}}], 'addressType': {'a': 1}",
                "'data': 'nonsense', 'type': ['a']",
                "'data': {'tls.crt': {'a': 1}, 'tls.key': 7}, 'stringData': 'nonsense'"
            })
    void anOddObjectOfAnotherKindIsReadAsFarAsItCanBe(String odd) {
        // When lists with an odd object between two others are read
        ServiceList services = read(odd, ServiceList.class);
        EndpointSliceList slices = read(odd, EndpointSliceList.class);
        SecretList secrets = read(odd, SecretList.class);
        IngressClassList classes = read(odd, IngressClassList.class);

        // Then all three are there, and each has a view
        assertThat(services.getItems()).hasSize(3).map(Views::service).doesNotContainNull();
        assertThat(slices.getItems()).hasSize(3).map(Views::endpointSlice).doesNotContainNull();
        assertThat(secrets.getItems()).hasSize(3).map(Views::secret).doesNotContainNull();
        assertThat(classes.getItems()).hasSize(3).map(Views::ingressClass).doesNotContainNull();
    }

    @Test
    void aWriteToAnObjectThatIsGoneIsNotRepeated() {
        // When a status could not be written, because the object is gone and because the server failed
        ErrorStatusUpdateControl<Ingress> gone = StatusContext.failed(new KubernetesClientException("gone", 404, null));
        ErrorStatusUpdateControl<Ingress> failed = StatusContext.failed(new KubernetesClientException("no", 500, null));

        // Then only the latter is tried again
        assertThat(gone.isNoRetry()).isTrue();
        assertThat(failed.isDefaultErrorProcessing()).isTrue();
    }

    private <L extends KubernetesResourceList<?>> L read(String odd, Class<L> type) {
        String json = "{'items': [{'metadata': {'name': 'a'}}, {'metadata': {'name': 'odd'}, " + odd
                + "}, {'metadata': {'name': 'b'}}]}";
        return client.getKubernetesSerialization().unmarshal(json.replace('\'', '"'), type);
    }
}
