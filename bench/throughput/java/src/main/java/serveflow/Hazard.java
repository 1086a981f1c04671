package serveflow;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.List;

/** Says how probable it is that a flow has another packet, by its packets and a stage's answer. */
final class Hazard {
    final double below; // a flow of less is not waited for
    private final Model model;
    private final Features features;
    private final List<String> answers; // columns behind those of the flow

    Hazard(Path folder, JsonNode spec) throws Exception {
        below = spec.get("below").asDouble();
        model = new Trees(folder.resolve(spec.get("file").asText()));
        List<String> names = Stage.strings(spec.get("features"));
        long ofFlow = names.stream().takeWhile(n -> !n.startsWith("answer_")).count();
        features = new Features(names.subList(0, (int) ofFlow));
        answers = names.subList((int) ofFlow, names.size());
    }

    double[] another(List<Flow> flows) {
        int width = features.columns() + answers.size();
        float[] rows = new float[flows.size() * width];
        for (int i = 0; i < flows.size(); i++) {
            Flow f = flows.get(i);
            features.write(f, f.asked, rows, i * width);
            for (int k = 0; k < answers.size(); k++) {
                rows[i * width + features.columns() + k] = (float) f.answer.feature(answers.get(k));
            }
        }
        double[] p = model.score(rows, flows.size());
        for (int i = 0; i < p.length; i++) {
            p[i] = 1 / (1 + Math.exp(-p[i]));
        }
        return p;
    }
}
