import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.List;
import java.util.Properties;
import javax.crypto.spec.OAEPParameterSpec;
import javax.crypto.spec.PSource;
import javax.mail.Session;
import javax.mail.internet.InternetHeaders;
import javax.mail.internet.MimeBodyPart;
import javax.mail.internet.MimeMessage;
import javax.mail.internet.MimeMultipart;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaCertStore;
import org.bouncycastle.cms.CMSAlgorithm;
import org.bouncycastle.cms.RecipientInformation;
import org.bouncycastle.cms.SignerInformation;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoGeneratorBuilder;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.cms.jcajce.JceCMSContentEncryptorBuilder;
import org.bouncycastle.cms.jcajce.JceKeyTransEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyTransRecipientInfoGenerator;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.mail.smime.SMIMEEnveloped;
import org.bouncycastle.mail.smime.SMIMEEnvelopedGenerator;
import org.bouncycastle.mail.smime.SMIMESigned;
import org.bouncycastle.mail.smime.SMIMESignedGenerator;
import org.bouncycastle.mail.smime.SMIMEUtil;
import org.bouncycastle.operator.jcajce.JcaAlgorithmParametersConverter;

/**
 * Whole mails by JavaMail and BouncyCastle's mail classes, as the Java reference implementation makes and reads them.
 * Each argument is one job: protect|TRANSPORT|mail|out|key|certificate|recipient... or open|mail|out|key.
 * A job that fails leaves its reason in out with ".error".
 */
public class BouncyMail {
    static final Session SESSION = Session.getInstance(new Properties());

    public static void main(String[] jobs) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        for (String job : jobs) {
            String[] words = job.split("\\|");
            boolean protects = words[0].equals("protect");
            String out = words[protects ? 3 : 2];
            try {
                Files.write(Path.of(out), protects ? protect(words) : open(words));
            } catch (Exception error) {
                Files.writeString(Path.of(out + ".error"), error.toString());
            }
        }
    }

    static byte[] protect(String[] words) throws Exception {
        MimeMessage mail = new MimeMessage(SESSION, new ByteArrayInputStream(read(words[2])));
        InternetHeaders wrapped = new InternetHeaders();
        wrapped.addHeader("Content-Type", "message/rfc822");
        MimeBodyPart part = new MimeBodyPart(wrapped, read(words[2]));

        SMIMESignedGenerator signing = new SMIMESignedGenerator();
        signing.addSignerInfoGenerator(new JcaSimpleSignerInfoGeneratorBuilder().setProvider("BC")
            .build("SHA256withRSA", key(words[4]), certificate(words[5])));
        signing.addCertificates(new JcaCertStore(List.of(certificate(words[5]))));
        MimeMultipart signed = signing.generate(part);
        MimeBodyPart content = new MimeBodyPart();
        content.setContent(signed);

        SMIMEEnvelopedGenerator encrypting = new SMIMEEnvelopedGenerator();
        for (int i = 6; i < words.length; i++) {
            X509Certificate certificate = certificate(words[i]);
            encrypting.addRecipientInfoGenerator(words[1].equals("PKCS1")
                ? new JceKeyTransRecipientInfoGenerator(certificate).setProvider("BC")
                : new JceKeyTransRecipientInfoGenerator(certificate, oaep(words[1])).setProvider("BC"));
        }
        MimeBodyPart enveloped = encrypting.generate(
            content, new JceCMSContentEncryptorBuilder(CMSAlgorithm.AES128_CBC).setProvider("BC").build());
        MimeMessage out = new MimeMessage(SESSION);
        for (String name : new String[] {"From", "To", "Date", "Message-ID"}) {
            out.setHeader(name, mail.getHeader(name, null));
        }
        out.setContent(enveloped.getContent(), enveloped.getContentType());
        out.saveChanges();
        out.setHeader("Message-ID", mail.getHeader("Message-ID", null));
        ByteArrayOutputStream written = new ByteArrayOutputStream();
        out.writeTo(written);
        return written.toByteArray();
    }

    static byte[] open(String[] words) throws Exception {
        MimeMessage mail = new MimeMessage(SESSION, new ByteArrayInputStream(read(words[1])));
        SMIMEEnveloped enveloped = new SMIMEEnveloped(mail);
        RecipientInformation recipient = enveloped.getRecipientInfos().getRecipients().iterator().next();
        byte[] opened = recipient.getContent(new JceKeyTransEnvelopedRecipient(key(words[3])).setProvider("BC"));
        MimeBodyPart part = SMIMEUtil.toMimeBodyPart(opened);
        SMIMESigned signed = new SMIMESigned((MimeMultipart) part.getContent());
        for (SignerInformation signer : signed.getSignerInfos()) {
            X509CertificateHolder holder =
                (X509CertificateHolder) signed.getCertificates().getMatches(signer.getSID()).iterator().next();
            if (!signer.verify(new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(holder))) {
                throw new Exception("the signature does not hold");
            }
        }
        MimeBodyPart content = signed.getContent();
        if (!content.isMimeType("message/rfc822")) {
            throw new Exception("the message is not wrapped");
        }
        try (InputStream raw = content.getRawInputStream()) {
            return raw.readAllBytes();
        }
    }

    static AlgorithmIdentifier oaep(String digest) throws Exception {
        return new JcaAlgorithmParametersConverter().getAlgorithmIdentifier(
            PKCSObjectIdentifiers.id_RSAES_OAEP,
            new OAEPParameterSpec(digest, "MGF1", new MGF1ParameterSpec(digest), PSource.PSpecified.DEFAULT));
    }

    static byte[] read(String file) throws Exception {
        return Files.readAllBytes(Path.of(file));
    }

    static X509Certificate certificate(String file) throws Exception {
        return (X509Certificate) CertificateFactory.getInstance("X.509")
            .generateCertificate(new ByteArrayInputStream(read(file)));
    }

    static PrivateKey key(String file) throws Exception {
        return KeyFactory.getInstance("RSA", "BC").generatePrivate(new PKCS8EncodedKeySpec(read(file)));
    }
}
