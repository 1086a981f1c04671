package serveflow;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A bundle's stages. It keeps nothing of a flow, so that all partitions share the models. */
final class Cascade {
    /** Takes the label that a flow has got. */
    interface Sink {
        void label(Flow f, Stage s, String reason);
    }

    private enum Next { WAIT, ASK, PASS }

    final String task;
    final List<String> classes;
    final List<Stage> stages = new ArrayList<>();
    final int depth; // packets of a flow that count
    final int other; // the class that is said as unknown; -1: none

    Cascade(Path folder) throws Exception {
        JsonNode manifest = new ObjectMapper().readTree(folder.resolve("manifest.json").toFile());
        task = manifest.get("task").asText();
        classes = Stage.strings(manifest.get("classes"));
        for (JsonNode spec : manifest.get("stages")) {
            stages.add(new Stage(folder, spec, classes));
        }
        depth = stages.stream().mapToInt(s -> s.deepest).max().orElseThrow();
        other = classes.indexOf(manifest.get("stages").get(0).path("novelty").path("class").asText());
    }

    /** Takes flows as far as their packets go, stage by stage and all together. Those that wait for more are given back. */
    List<Flow> decide(List<Flow> flows, Sink out) {
        List<Flow> waiting = new ArrayList<>(), ready = flows;
        while (!ready.isEmpty()) {
            List<List<Flow>> asks = new ArrayList<>();
            stages.forEach(s -> asks.add(new ArrayList<>()));
            List<Flow> next = new ArrayList<>();
            for (Flow f : ready) {
                if (f.done) {
                    continue;
                }
                if (f.protocol == 0) {
                    out.label(f, stages.get(0), "unsupported");
                    continue;
                }
                switch (look(f)) {
                    case WAIT -> waiting.add(f);
                    case ASK -> asks.get(f.stage).add(f);
                    case PASS -> {
                        if (last(f.stage)) {
                            out.label(f, stages.get(f.stage), "last_stage");
                        } else {
                            f.stage++;
                            next.add(f);
                        }
                    }
                }
            }
            for (int i = 0; i < asks.size(); i++) {
                if (!asks.get(i).isEmpty()) {
                    ask(i, asks.get(i), next, out);
                }
            }
            ready = next;
        }
        return waiting;
    }

    private boolean last(int stage) {
        return stage + 1 == stages.size();
    }

    /** Goes over the packets that have come, and says what the flow's stage does. */
    private Next look(Flow f) {
        Stage s = stages.get(f.stage);
        boolean again = f.by == f.stage;
        int wants = again ? f.seen + 1 : s.depth, reach = f.packets.size();
        while (f.cause == null && f.seen < Math.min(wants, reach)) {
            long hold = f.seen > 0 ? hold(f) : 0;
            if (hold > 0 && f.packets.get(f.seen).micros - f.packets.get(f.seen - 1).micros > hold) {
                f.stop("timeout", f.seen);
                break;
            }
            f.seen++;
        }
        if (f.cause == null && f.seen < wants) {
            f.patience = hold(f);
            if (f.over == null) {
                return Next.WAIT;
            }
            f.stop(f.over, reach);
        }
        int n = f.cause == null ? Math.max(s.depth, f.seen) : Math.min(f.limit, reach);
        n = Math.min(s.deepest, n);
        if (again && n <= f.asked) {
            return Next.PASS;
        }
        f.asked = n;
        return Next.ASK;
    }

    private long hold(Flow f) {
        return f.by < 0 ? 0 : stages.get(f.by).hold(f.answer, f.seen);
    }

    /** Asks the stage about the flows. Those that go on are added to next. */
    private void ask(int place, List<Flow> flows, List<Flow> next, Sink out) {
        Stage s = stages.get(place);
        List<Flow> unsure = new ArrayList<>();
        s.predict(flows);
        for (Flow f : flows) {
            f.by = place;
            boolean deeper = !last(place) && stages.get(place + 1).depth > f.asked;
            f.again = f.cause == null && f.asked < s.deepest && (last(place) || deeper);
            boolean waits = f.again || f.cause == null && deeper;
            boolean torn = "flow_end".equals(f.over) && f.packets.size() <= f.asked;
            if (last(place) && !f.again) {
                out.label(f, s, "last_stage");
            } else if (s.sure(f.answer)) {
                out.label(f, s, "confident");
            } else if (s.hazard != null && waits && !torn) {
                unsure.add(f);
            } else {
                goOn(f, next);
            }
        }
        if (unsure.isEmpty()) {
            return;
        }
        double[] another = s.hazard.another(unsure);
        for (int i = 0; i < another.length; i++) {
            if (another[i] < s.hazard.below) {
                out.label(unsure.get(i), s, "no_more");
            } else {
                goOn(unsure.get(i), next);
            }
        }
    }

    private static void goOn(Flow f, List<Flow> next) {
        f.stage += f.again ? 0 : 1;
        next.add(f);
    }
}
