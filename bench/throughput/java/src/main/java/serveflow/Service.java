package serveflow;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;

/**
 * What a data engineer would write in Java: a bundle's cascade from Kafka to Kafka, with Kafka Streams, LightGBM4j and ONNX Runtime.
 *
 * <p>It labels as serveflow does, and leaves out what service.py leaves out: dead letters, restarts, memory limits, metrics. It ends when
 * nothing has come for a while.
 */
public final class Service {
    private Service() { }

    public static void main(String[] args) throws Exception {
        String servers = args[0], records = args[1], labels = args[2];
        Cascade cascade = new Cascade(Path.of(args[3]));
        Activity activity = new Activity(Double.parseDouble(args[4]));

        Topology topology = new Topology();
        topology.addSource("records", new ByteArrayDeserializer(), new ByteArrayDeserializer(), records);
        topology.addProcessor("labeller", () -> new Labeller(cascade, activity), "records");
        topology.addSink("labels", labels, new StringSerializer(), new ByteArraySerializer(), "labeller");

        try (KafkaStreams streams = new KafkaStreams(topology, settings(servers))) {
            streams.start();
            while (!activity.done() && streams.state() != KafkaStreams.State.ERROR) {
                Thread.sleep(200);
            }
            if (streams.state() == KafkaStreams.State.ERROR) {
                System.exit(1);
            }
            streams.close(Duration.ofSeconds(10));
        }
        System.out.println(activity);
    }

    private static Properties settings(String servers) {
        Properties p = new Properties();
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, servers);
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, "java");
        p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        p.put(StreamsConfig.MAX_TASK_IDLE_MS_CONFIG, -1); // a task has one partition, and none beside it to wait for
        p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 500);
        p.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.FETCH_MIN_BYTES_CONFIG), 1 << 16);
        p.put(StreamsConfig.producerPrefix(ProducerConfig.ACKS_CONFIG), "all");
        p.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
        p.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 5);
        p.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 1 << 18);
        return p;
    }
}
