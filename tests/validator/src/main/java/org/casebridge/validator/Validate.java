package org.casebridge.validator;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.parser.IParser;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.SingleValidationMessage;
import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;

/**
 * Validates R4 resources with HL7's validator.
 *
 * <p>Reads a JSON object a line: {@code {"define": RESOURCE}} for what the others are validated by,
 * then {@code {"name": TEXT, "resource": RESOURCE}}. Writes one a line for each message:
 * {@code {"name", "severity", "kind", "where", "what"}}, and at the end {@code {"validated": NUMBER}}.
 */
public final class Validate {

  private static final Gson GSON = new Gson();

  private Validate() {}

  /** Validates what stands on standard input. */
  public static void main(String[] arguments) throws Exception {
    FhirContext context = FhirContext.forR4();
    PrePopulatedValidationSupport ours = new PrePopulatedValidationSupport(context);
    List<JsonObject> asked = new ArrayList<>();
    IParser parser = context.newJsonParser();
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      JsonObject each = JsonParser.parseString(line).getAsJsonObject();
      if (each.has("define")) {
        ours.addResource(parser.parseResource(each.get("define").toString()));
      } else {
        asked.add(each);
      }
    }
    FhirValidator validator = validator(context, ours);
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    for (JsonObject each : asked) {
      String resource = each.get("resource").toString();
      for (SingleValidationMessage said : validator.validateWithResult(resource).getMessages()) {
        out.println(GSON.toJson(told(each.get("name").getAsString(), said)));
      }
    }
    JsonObject end = new JsonObject();
    end.addProperty("validated", asked.size());
    out.println(GSON.toJson(end));
  }

  private static FhirValidator validator(FhirContext context, PrePopulatedValidationSupport ours) {
    UnknownCodeSystemWarningValidationSupport unknown =
        new UnknownCodeSystemWarningValidationSupport(context);
    unknown.setNonExistentCodeSystemSeverity(
        ca.uhn.fhir.context.support.IValidationSupport.IssueSeverity.WARNING);
    ValidationSupportChain chain =
        new ValidationSupportChain(
            new DefaultProfileValidationSupport(context),
            ours,
            new CommonCodeSystemsTerminologyService(context),
            new InMemoryTerminologyServerValidationSupport(context),
            new SnapshotGeneratingValidationSupport(context),
            unknown);
    FhirInstanceValidator module = new FhirInstanceValidator(chain);
    module.setAnyExtensionsAllowed(false);
    module.setErrorForUnknownProfiles(false);
    return context.newValidator().registerValidatorModule(module);
  }

  private static JsonObject told(String name, SingleValidationMessage said) {
    JsonObject found = new JsonObject();
    found.addProperty("name", name);
    found.addProperty("severity", said.getSeverity().getCode());
    found.addProperty("kind", text(said.getMessageId()));
    found.addProperty("where", text(said.getLocationString()));
    found.addProperty("what", text(said.getMessage()));
    return found;
  }

  private static String text(String said) {
    return said == null ? "" : said;
  }
}
