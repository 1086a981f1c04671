package serveflow;

import static com.microsoft.ml.lightgbm.lightgbmlib.*;

import com.microsoft.ml.lightgbm.SWIGTYPE_p_double;
import com.microsoft.ml.lightgbm.SWIGTYPE_p_int;
import com.microsoft.ml.lightgbm.SWIGTYPE_p_long_long;
import com.microsoft.ml.lightgbm.SWIGTYPE_p_p_void;
import com.microsoft.ml.lightgbm.SWIGTYPE_p_void;
import io.github.metarank.lightgbm4j.LGBMBooster;
import java.io.IOException;
import java.nio.file.Path;

/**
 * Boosted trees of LightGBM, in its text form, by the C API that LightGBM4j brings.
 *
 * <p>LightGBM4j's own predictForMat has room for two scores a row, and writes behind it where there are more classes. The C API's call for
 * one row is used, since it reads a Java array in place. A matrix is copied number by number, which costs more than the calls that it saves.
 */
final class Trees implements Model {
    private final SWIGTYPE_p_void predictor; // which has a lock of its own
    private final int classes;

    Trees(Path file) throws IOException {
        LGBMBooster.loadNative();
        SWIGTYPE_p_int number = new_intp();
        SWIGTYPE_p_p_void handle = voidpp_handle();
        check(LGBM_BoosterCreateFromModelfile(file.toString(), number, handle));
        SWIGTYPE_p_void booster = voidpp_value(handle);
        check(LGBM_BoosterGetNumClasses(booster, number));
        classes = intp_value(number);
        check(LGBM_BoosterGetNumFeature(booster, number));
        int columns = intp_value(number);
        check(LGBM_BoosterPredictForMatSingleRowFastInit(booster, C_API_PREDICT_RAW_SCORE, 0, -1, C_API_DTYPE_FLOAT64, columns, "num_threads=1", handle));
        predictor = voidpp_value(handle);
        delete_intp(number);
    }

    @Override
    public double[] score(float[] rows, int count) {
        double[] row = new double[rows.length / count], scores = new double[count * classes];
        SWIGTYPE_p_double out = new_doubleArray(classes);
        SWIGTYPE_p_long_long length = new_int64_tp();
        try {
            for (int r = 0; r < count; r++) {
                for (int i = 0; i < row.length; i++) {
                    row[i] = rows[r * row.length + i];
                }
                check(LGBM_BoosterPredictForMatSingleRowFastCriticalSWIG(row, predictor, length, out));
                for (int i = 0; i < classes; i++) {
                    scores[r * classes + i] = doubleArray_getitem(out, i);
                }
            }
        } finally {
            delete_doubleArray(out);
            delete_int64_tp(length);
        }
        return scores;
    }

    private static void check(int result) {
        if (result < 0) {
            throw new IllegalStateException(LGBM_GetLastError());
        }
    }
}
