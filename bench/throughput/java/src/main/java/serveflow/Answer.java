package serveflow;

import java.util.Arrays;

/** A stage's answer for a flow: a probability for each class, and the classes by it, those of one probability in their order. */
final class Answer {
    final double[] p;
    final int[] order;

    /** Of the raw scores of one flow. */
    Answer(double[] scores, int from, int classes, double temperature) {
        p = Arrays.copyOfRange(scores, from, from + classes);
        order = new int[classes];
        double most = Double.NEGATIVE_INFINITY, sum = 0;
        for (int i = 0; i < classes; i++) {
            p[i] /= temperature;
            most = Math.max(most, p[i]);
        }
        for (int i = 0; i < classes; i++) {
            p[i] = Math.exp(p[i] - most);
            sum += p[i];
        }
        for (int i = 0; i < classes; i++) {
            p[i] /= sum;
            int at = i;
            for (; at > 0 && p[order[at - 1]] < p[i]; at--) {
                order[at] = order[at - 1];
            }
            order[at] = i;
        }
    }

    int best() {
        return order[0];
    }

    double top(int rank) {
        return p[order[rank]];
    }

    double margin() {
        return top(0) - top(1);
    }

    double doubt() {
        return Math.min(1, Math.max(0, 1 - margin()));
    }

    /** What another model can read of this answer. */
    double feature(String name) {
        return switch (name) {
            case "answer_margin" -> margin();
            case "answer_entropy" -> entropy();
            case "answer_first" -> order[0];
            case "answer_second" -> order[1];
            default -> top(Integer.parseInt(name.substring("answer_p".length())) - 1);
        };
    }

    private double entropy() {
        double sum = 0;
        for (double x : p) {
            sum += x * Math.log(Math.max(x, 1e-300));
        }
        return Math.min(1, -sum / Math.log(p.length));
    }
}
