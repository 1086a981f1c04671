package serveflow;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;

/** An ONNX model. */
final class Graph implements Model {
    private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
    private final OrtSession session;
    private final String input, output;

    Graph(Path file, String input, String output) throws OrtException {
        OrtSession.SessionOptions options = new OrtSession.SessionOptions();
        options.setIntraOpNumThreads(1);
        options.setInterOpNumThreads(1);
        session = environment.createSession(file.toString(), options);
        this.input = input;
        this.output = output;
    }

    @Override
    public double[] score(float[] rows, int count) {
        long[] shape = {count, rows.length / count};
        try (OnnxTensor in = OnnxTensor.createTensor(environment, FloatBuffer.wrap(rows), shape);
                OrtSession.Result result = session.run(Map.of(input, in), Set.of(output))) {
            FloatBuffer scores = ((OnnxTensor) result.get(0)).getFloatBuffer();
            double[] all = new double[scores.remaining()];
            for (int i = 0; i < all.length; i++) {
                all[i] = scores.get(i);
            }
            return all;
        } catch (OrtException e) {
            throw new IllegalStateException(e);
        }
    }
}
