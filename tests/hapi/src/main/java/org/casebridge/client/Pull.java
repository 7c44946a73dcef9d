package org.casebridge.client;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.rest.client.api.IGenericClient;
import ca.uhn.fhir.rest.client.interceptor.BearerTokenAuthInterceptor;
import ca.uhn.fhir.rest.gclient.ReferenceClientParam;
import ca.uhn.fhir.rest.server.exceptions.InvalidRequestException;
import ca.uhn.fhir.rest.server.exceptions.ResourceNotFoundException;
import java.util.ArrayList;
import java.util.List;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.CarePlan;
import org.hl7.fhir.r4.model.CareTeam;
import org.hl7.fhir.r4.model.Goal;
import org.hl7.fhir.r4.model.Parameters;
import org.hl7.fhir.r4.model.Patient;

/** Pulls a member's plan as an insurer does, with HAPI's generic client, and prints what it found: a line each. */
public final class Pull {
  private static final FhirContext R4 = FhirContext.forR4();

  private Pull() {}

  /** Takes the base of the service, the token of the member's insurer, and that of another one. */
  public static void main(String[] given) {
    IGenericClient insurer = client(given[0], given[1]);
    Patient member = (Patient) one(insurer.search()
        .forResource(Patient.class)
        .where(Patient.IDENTIFIER.exactly().systemAndCode("urn:example:clients", "R-1"))
        .returnBundle(Bundle.class).execute());
    Bundle pulled = insurer.search()
        .forResource(CarePlan.class)
        .where(CarePlan.PATIENT.hasId(member.getIdElement().toUnqualifiedVersionless()))
        .and(CarePlan.STATUS.exactly().code("active"))
        .include(CarePlan.INCLUDE_CARE_TEAM).include(CarePlan.INCLUDE_GOAL)
        .revInclude(new ca.uhn.fhir.model.api.Include("Provenance:target"))
        .returnBundle(Bundle.class).execute();
    CarePlan plan = (CarePlan) one(pulled);
    say("plan", plan.getTitle());
    for (Bundle.BundleEntryComponent entry : pulled.getEntry()) {
      if (entry.getSearch().getMode() == Bundle.SearchEntryMode.INCLUDE) {
        say("along", entry.getResource().fhirType());
      }
    }
    String id = plan.getIdElement().getIdPart();
    say("read", insurer.read().resource(CarePlan.class).withId(id)
        .ifVersionMatches(plan.getIdElement().getVersionIdPart()).returnNull().execute() == null
        ? "unchanged" : "changed");
    say("team", insurer.read().resource(CareTeam.class)
        .withUrl(plan.getCareTeamFirstRep().getReferenceElement()).execute().getSubject().getReference()
        .equals(plan.getSubject().getReference()) ? "same" : "other");
    for (Goal goal : goals(insurer, member)) {
      say("goal", goal.getDescription().getText());
    }
    say("versions", "" + insurer.history().onInstance(plan.getIdElement().toUnqualifiedVersionless())
        .returnBundle(Bundle.class).execute().getTotal());
    Parameters none = new Parameters();
    Bundle everything = insurer.operation().onInstance(member.getIdElement().toUnqualifiedVersionless())
        .named("$everything").withParameters(none).useHttpGet().returnResourceType(Bundle.class).execute();
    say("everything", everything.getEntryFirstRep().getResource().fhirType());
    refusals(insurer, client(given[0], given[2]), id);
  }

  private static void refusals(IGenericClient insurer, IGenericClient other, String plan) {
    try {
      other.read().resource(CarePlan.class).withId(plan).execute();
    } catch (ResourceNotFoundException unseen) {
      say("other", "404");
    }
    try {
      insurer.search().byUrl("CarePlan?stats=active").returnBundle(Bundle.class).execute();
    } catch (InvalidRequestException refused) {
      say("unknown", refused.getMessage());
    }
  }

  private static IGenericClient client(String base, String token) {
    IGenericClient client = R4.newRestfulGenericClient(base);
    client.registerInterceptor(new BearerTokenAuthInterceptor(token));
    return client;
  }

  /** All goals, a page each. */
  private static List<Goal> goals(IGenericClient insurer, Patient member) {
    Bundle page = insurer.search().forResource(Goal.class)
        .where(new ReferenceClientParam("patient").hasId(member.getIdElement().toUnqualifiedVersionless()))
        .sort().ascending("_id").count(1).returnBundle(Bundle.class).execute();
    List<Goal> found = new ArrayList<>();
    while (true) {
      found.add((Goal) one(page));
      if (page.getLink(Bundle.LINK_NEXT) == null) {
        return found;
      }
      page = insurer.loadPage().next(page).execute();
    }
  }

  private static org.hl7.fhir.r4.model.Resource one(Bundle found) {
    List<Bundle.BundleEntryComponent> matches = found.getEntry().stream()
        .filter(entry -> entry.getSearch().getMode() == Bundle.SearchEntryMode.MATCH).toList();
    if (matches.size() != 1) {
      throw new IllegalStateException(matches.size() + " match");
    }
    return matches.get(0).getResource();
  }

  private static void say(String what, String how) {
    System.out.println(what + " " + how);
  }
}
